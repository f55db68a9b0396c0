import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const pages = pagesBelow(root).map((path) => relative(root, path));

/** Markdown files of the product: what is built or installed has pages of its own. */
function pagesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      return entry.name.startsWith('.') || ['node_modules', 'dist', 'data'].includes(entry.name) ? [] : pagesBelow(path);
    }
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

/** A page without what is shown as code: addresses in there are not links. */
function withoutCode(text: string): string {
  return text.replace(/^(```|~~~)[\s\S]*?^\1/gm, '').replace(/`[^`\n]*`/g, 'code');
}

/** Targets of `[text](target)` and `![text](target)`. */
function linksOf(path: string): readonly string[] {
  return [...withoutCode(readFileSync(join(root, path), 'utf8')).matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g)].map(([, target = '']) => target);
}

/** Anchors that GitHub gives a page's headings: lower case, spaces to dashes, punctuation gone, repeats numbered. */
function anchorsOf(path: string): ReadonlySet<string> {
  const text = readFileSync(path, 'utf8').replace(/^(```|~~~)[\s\S]*?^\1/gm, '');
  const seen = new Map<string, number>();
  const anchors = [...text.matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)].map(([, heading = '']) => {
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[`*]/g, '');
    const anchor = plain.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-');
    const repeats = seen.get(anchor) ?? 0;
    seen.set(anchor, repeats + 1);
    return repeats === 0 ? anchor : `${anchor}-${repeats}`;
  });
  return new Set(anchors);
}

/** Why a link of a page leads nowhere; undefined where it is good, or leaves the product. */
function faultOf(page: string, target: string): string | undefined {
  if (/^[a-z][a-z0-9+.-]*:/i.test(target)) {
    return undefined;
  }
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? join(root, page) : resolve(root, dirname(page), decodeURIComponent(path));
  if (!existsSync(file)) {
    return `${target}: no such file`;
  }
  if (anchor === undefined || statSync(file).isDirectory()) {
    return undefined;
  }
  return anchorsOf(file).has(anchor) ? undefined : `${target}: no such heading`;
}

describe('the links of the documentation', () => {
  test('are looked for in the pages that are there', () => {
    expect(pages).toEqual(expect.arrayContaining(['README.md', 'docs/api.md', 'edge/README.md']));
  });

  test.each(pages)('%s leads somewhere', (page) => {
    expect(linksOf(page).flatMap((target) => faultOf(page, target) ?? [])).toEqual([]);
  });

  test.each([
    ['README.md', 'nowhere.md', 'nowhere.md: no such file'],
    ['README.md', '#nothing-of-the-kind', '#nothing-of-the-kind: no such heading'],
    ['docs/api.md', '#get-apiv1openapijson', undefined],
    ['docs/api.md', '../README.md', undefined],
    ['docs/api.md', 'https://example.com/', undefined],
  ])('in %s, %s: %s', (page, target, fault) => {
    expect(faultOf(page, target)).toBe(fault);
  });
});
