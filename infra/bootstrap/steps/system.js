import { existsSync } from 'node:fs';

import { run, runWithProgress, SetupError, tail } from './terminal.js';

let listsAreFresh = false;

/**
 * Installs Debian packages as root or by sudo; elsewhere says what to type.
 *
 * @param what what is missing, for people.
 * @param packages names of Debian packages.
 * @param elsewhere the line to type on other systems, by package manager.
 */
export async function installSystemPackages(what, packages, elsewhere) {
  if (!existsSync('/usr/bin/apt-get')) {
    throw new SetupError(`${what} is missing.`, await lineFor(elsewhere));
  }
  const isRoot = process.getuid?.() === 0;
  const byHand = `${isRoot ? '' : 'sudo '}apt-get update && ${isRoot ? '' : 'sudo '}apt-get install -y ${packages.join(' ')}`;
  const prefix = isRoot ? [] : await sudo(what, byHand);
  if (!listsAreFresh) {
    await apt('package lists (apt-get update)', [...prefix, 'apt-get', '-q', 'update'], what, byHand);
    listsAreFresh = true;
  }
  await apt(`${what} (apt-get install ${packages.join(' ')})`, [...prefix, 'apt-get', '-q', 'install', '-y', '--no-install-recommends', ...packages], what, byHand);
}

async function apt(title, [command, ...args], what, byHand) {
  const patient = ['-o', 'DPkg::Lock::Timeout=120', '-o', 'Acquire::Retries=3'];
  const { code, output } = await runWithProgress(title, command, [...args, ...patient], {
    // In runlevel 1 packages start no services: what is needed is the programs.
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
  });
  if (code !== 0) {
    throw new SetupError(`${what} could not be installed:\n${tail(output)}`, byHand);
  }
}

async function sudo(what, byHand) {
  if ((await run('sudo', ['-n', 'true'])).code === 0) {
    return ['sudo', '-n', 'DEBIAN_FRONTEND=noninteractive'];
  }
  if (process.stdin.isTTY === true) {
    // Asks for the password on the terminal, once.
    const { code } = await run('sudo', ['-v'], { stdio: 'inherit' });
    if (code === 0) {
      return ['sudo', '-n', 'DEBIAN_FRONTEND=noninteractive'];
    }
  }
  throw new SetupError(`${what} is missing, and installing it needs root.`, byHand);
}

async function lineFor(elsewhere) {
  const managers = process.platform === 'darwin' ? ['brew'] : process.platform === 'win32' ? ['winget'] : ['dnf', 'pacman', 'zypper', 'apk', 'brew'];
  for (const manager of managers) {
    if (process.platform === 'win32' || (await run('sh', ['-c', `command -v ${manager}`])).code === 0) {
      return elsewhere[manager];
    }
  }
  return elsewhere[managers[0]];
}
