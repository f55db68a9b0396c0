import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * What the chart makes of the values in `rendered/`, kept there so that it can be read and checked where there is no helm:
 * `node infra/helm/render.ts` writes it anew, by `helm` or what HELM names.
 */

const pathOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Names of the sets of values: `rendered/<name>.values.yaml`. */
export const RENDERED: readonly string[] = readdirSync(pathOf('rendered')).flatMap((name) => /^(.*)\.values\.yaml$/.exec(name)?.[1] ?? []);

/** The command for helm. */
export const HELM = process.env['HELM'] ?? 'helm';

/** Path of what is kept for a set of values. */
export function renderedPath(name: string): string {
  return pathOf(`rendered/${name}.yaml`);
}

/** Hash of everything that decides what the chart makes of a set of values, links followed. */
export function sourceHash(name: string): string {
  const hash = createHash('sha256');
  const files = readdirSync(pathOf('millrace'), { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => `${entry.parentPath}/${entry.name}`)
    // The dashboard is in none of them.
    .filter((path) => !path.endsWith('/millrace.json'))
    .toSorted();
  for (const file of [...files, pathOf(`rendered/${name}.values.yaml`)]) {
    hash.update(readFileSync(file));
  }
  return hash.digest('hex');
}

/** Has helm make it. @throws {Error} where there is no helm, or the chart is wrong. */
export function render(name: string): string {
  const args = ['template', 'millrace', pathOf('millrace'), '--namespace', 'live', '--kube-version', '1.30.0', '--values', pathOf(`rendered/${name}.values.yaml`)];
  const made = execFileSync(HELM, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return `# Written by infra/helm/render.ts from ${name}.values.yaml and the chart, whose hash is ${sourceHash(name)}\n${made}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const name of RENDERED) {
    writeFileSync(renderedPath(name), render(name));
  }
}
