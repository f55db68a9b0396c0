import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { runWithProgress, say, SetupError, tail } from './terminal.js';
import { root } from './root.js';

/** Installs the packages of the lock file where they are not there, or not the ones it names. */
export async function installPackages({ folder = root, install = npmCi } = {}) {
  const stampFile = join(folder, 'node_modules', '.millrace-stamp');
  const stamp = stampOf(folder);
  if (read(stampFile) === stamp) {
    return false;
  }
  const installed = !isComplete(folder);
  if (installed) {
    await install(folder);
  }
  writeFileSync(stampFile, stamp);
  return installed;
}

/** What the packages depend on: the lock file and the machine. */
function stampOf(folder) {
  return createHash('sha256')
    .update(readFileSync(join(folder, 'package-lock.json')))
    .update(`${process.platform} ${process.arch}`)
    .digest('hex');
}

/**
 * Tells whether `npm ci` was run by hand already: npm keeps the lock of what it installed. Packages of other systems are
 * optional and absent.
 */
function isComplete(folder) {
  const wanted = packagesOf(join(folder, 'package-lock.json'));
  const present = packagesOf(join(folder, 'node_modules', '.package-lock.json'));
  return (
    wanted !== undefined &&
    present !== undefined &&
    Object.entries(wanted).every(([path, { version, optional, peer }]) => path === '' || present[path]?.version === version || (present[path] === undefined && (optional === true || peer === true)))
  );
}

function packagesOf(file) {
  const text = read(file);
  return text === undefined ? undefined : JSON.parse(text).packages;
}

async function npmCi(folder) {
  if (existsSync(join(folder, 'node_modules'))) {
    say('packages: the lock file has changed');
  }
  // The npm that runs us, with the Node that runs us; else whatever npm there is.
  const script = process.env.npm_execpath;
  const [command, args] = script?.endsWith('.js') ? [process.execPath, [script, 'ci']] : ['npm', ['ci']];
  const { code, output } = await runWithProgress('packages (npm ci, about 500 MB)', command, [...args, '--no-audit', '--no-fund', '--loglevel=warn'], { cwd: folder });
  if (code !== 0) {
    throw new SetupError(`npm ci failed:\n${tail(output)}`, `cd ${folder} && npm ci`);
  }
}

function read(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}
