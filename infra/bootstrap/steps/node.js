import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import nodeModule from 'node:module';
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
 * Where Node keeps what it has compiled and stripped of types: it halves the work of a start. `NODE_COMPILE_CACHE` names another
 * folder; one that cannot be written to costs nothing but the time.
 */
function compileCache(folder) {
  return process.env.NODE_COMPILE_CACHE || join(folder, 'node_modules', '.cache', 'millrace');
}

/**
 * File descriptors of the sockets that whoever started us has opened for us: sd_listen_fds(3). Whether the variables make
 * sense is for the program to say.
 */
function givenSockets() {
  const { LISTEN_PID, LISTEN_FDS = '' } = process.env;
  const count = LISTEN_PID === `${process.pid}` && /^\d{1,2}$/.test(LISTEN_FDS) ? Number(LISTEN_FDS) : 0;
  return Array.from({ length: count }, (_, index) => 3 + index);
}

/**
 * The command that runs a Node as the owner of our sockets: LISTEN_PID must be its process id, which nobody knows before
 * it runs. So a shell sets it to its own and becomes that Node.
 */
function ownerOfSockets(node) {
  return process.env.LISTEN_PID === `${process.pid}` ? ['/bin/sh', '-c', 'LISTEN_PID=$$; export LISTEN_PID; exec "$0" "$@"', node] : [node];
}

/**
 * Hands over to a program of ours under the right Node: in this process where it can, else in a child that ends with us,
 * however we end.
 */
export async function handOver(script, args, folder = root) {
  const node = await findNode(folder);
  if (node === process.execPath) {
    nodeModule.enableCompileCache(compileCache(folder));
    process.argv = [process.execPath, script, ...args];
    await import(pathToFileURL(script).href);
    return;
  }
  const [command, ...before] = ownerOfSockets(node);
  // The open IPC channel tells the child when we are gone, kill -9 included.
  const child = spawn(command, [...before, script, ...args], {
    env: { ...process.env, NODE_COMPILE_CACHE: compileCache(folder) },
    stdio: ['inherit', 'inherit', 'inherit', ...givenSockets(), 'ipc'],
  });
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
