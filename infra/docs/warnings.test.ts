import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(join(root, 'docs/broadcasting.md'), 'utf8');
const section = page.slice(page.indexOf('## Warnings'));

/** Rows of the table begin with one code or several: `| `source/no-audio`, `source/no-video` | ...`. */
const documented = section.split('\n').filter((line) => line.startsWith('| `')).flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([a-z-]+\/[a-z-]+)`/g)].map(([, code = '']) => code));

/** Codes of warnings in the source: string literals of their form that are not thrown as errors. */
function raisedIn(folder: string): readonly string[] {
  const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts') && !path.includes('testing/'));
  return files.flatMap((path) => {
    const code = readFileSync(join(root, folder, path), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
    const text = code.replace(/MillraceError\(\s*'[^']*'/g, '').replace(/(===|!==) '[^']*'/g, '');
    // WHIP's refusals over HTTP have codes of the same form: only what is passed to a warning counts.
    const whip = [...text.matchAll(/warn\(\s*['`](whip\/(?:[a-z-]|\$\{kind\})+)['`]/g)];
    return [...whip, ...text.matchAll(/['`]((?:source|rtmp|transcode|archive)\/(?:[a-z-]|\$\{kind\})+)['`]/g)].map(([, name = '']) => name);
  });
}

/** Kinds of messages or media that a code with `${kind}` stands for. */
const kindsOf = (code: string): readonly string[] => (code.startsWith('rtmp/') ? ['video', 'audio', 'data'] : ['video', 'audio']);
const raised = new Set([...raisedIn('ingest'), ...raisedIn('transcode'), ...raisedIn('edge/archive')].flatMap((code) => (code.includes('${kind}') ? kindsOf(code).map((kind) => code.replace('${kind}', kind)) : [code])));

describe('the warnings in docs/broadcasting.md', () => {
  test('are those that the source raises', () => {
    expect(raised.size).toBeGreaterThan(12);
    expect(documented.toSorted()).toEqual([...raised].toSorted());
  });
});
