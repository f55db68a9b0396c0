import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

import { findNode } from './node.js';
import { root } from './root.js';
import { runWithProgress, SetupError, tail } from './terminal.js';

/** What the player is built from, beside its own folder. */
const alsoBuiltFrom = ['core/media', 'core/access', 'core/runtime/errors.ts', 'package-lock.json'];

/** Builds the player where its sources have changed since the last build. */
export async function buildPlayer({ folder = root, build = viteBuild } = {}) {
  const stampFile = join(folder, 'player', 'dist', '.stamp');
  const stamp = hashOf(folder, ['player', ...alsoBuiltFrom]);
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) {
    return false;
  }
  await build(folder);
  writeFileSync(stampFile, stamp);
  return true;
}

async function viteBuild(folder) {
  const vite = join('node_modules', 'vite', 'bin', 'vite.js');
  const { code, output } = await runWithProgress('player (vite build)', await findNode(folder), [vite, 'build', 'player', '--logLevel', 'warn'], { cwd: folder });
  if (code !== 0) {
    throw new SetupError(`The player could not be built:\n${tail(output)}`, `cd ${folder} && npm run build`);
  }
}

function hashOf(folder, paths) {
  const hash = createHash('sha256');
  for (const file of paths.flatMap((path) => filesOf(join(folder, path)))) {
    hash.update(`${relative(folder, file)}\0`).update(readFileSync(file));
  }
  return hash.digest('hex');
}

/** Files below a path in a fixed order, without what is built or only tests. */
function filesOf(path) {
  if (!existsSync(path)) {
    return [];
  }
  const entries = (() => {
    try {
      return readdirSync(path, { withFileTypes: true });
    } catch {
      return undefined;
    }
  })();
  if (entries === undefined) {
    return [path];
  }
  return entries
    .filter(({ name }) => !['dist', 'node_modules', '.svelte-kit'].includes(name) && !/\.test\.ts$/.test(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => (entry.isDirectory() ? filesOf(join(path, entry.name)) : [join(path, entry.name)]));
}
