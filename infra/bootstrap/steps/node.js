import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { run, SetupError } from './terminal.js';
import { root } from './root.js';

/** The Node that the product needs: it runs TypeScript as it is. */
export const WANTED_NODE = 26;

/** Refuses a Node on which not even the set-up runs. */
export function checkOwnNode(version = process.versions.node) {
  if (Number.parseInt(version, 10) < 20) {
    throw new SetupError(`Node ${version} is too old: 20 or newer is needed to set up (a current one is then brought along).`);
  }
}

/**
 * Path of a Node that is new enough: the one that runs us, or the one that the package `node` brings.
 *
 * @returns {Promise<string>}
 */
export async function findNode(folder = root) {
  if (Number.parseInt(process.versions.node, 10) >= WANTED_NODE) {
    return process.execPath;
  }
  const path = join(folder, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  const { code, output } = existsSync(path) ? await run(path, ['--version']) : { code: 127, output: '' };
  if (code !== 0 || Number.parseInt(output.trim().slice(1), 10) < WANTED_NODE) {
    throw new SetupError(`Node ${WANTED_NODE} is missing: the package "node" did not bring it (are install scripts switched off?).`, `cd ${folder} && npm rebuild node --ignore-scripts=false`);
  }
  return path;
}

/**
 * Hands over to a program of ours under the right Node: in this process where it can, else in a child that ends with us,
 * however we end.
 */
export async function handOver(script, args, folder = root) {
  const node = await findNode(folder);
  if (node === process.execPath) {
    process.argv = [process.execPath, script, ...args];
    await import(pathToFileURL(script).href);
    return;
  }
  // The open IPC channel tells the child when we are gone, kill -9 included.
  const child = spawn(node, [script, ...args], { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to the whole group: the child has it already.
      if (signal !== 'SIGINT' || process.stdin.isTTY !== true) {
        child.kill(signal);
      }
    });
  }
  child.on('error', (error) => {
    process.stderr.write(`${node} cannot be run: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
}
