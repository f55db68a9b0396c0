import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, realpathSync, rmdirSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';

import { MillraceError, messageOf } from '#core/runtime/errors.ts';

/**
 * Makes the data folder where it is missing and sees that it can be written to.
 *
 * @returns its absolute path.
 * @throws {MillraceError} `startup/data-folder`.
 */
export function prepareDataFolder(path: string): string {
  const folder = resolve(path);
  try {
    makeFolder(folder);
    if (!statSync(folder).isDirectory()) {
      throw new Error('it is a file');
    }
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    // Permissions do not tell of a file system that is mounted read-only, or full.
    rmdirSync(mkdtempSync(join(folder, '.probe-')));
  } catch (error) {
    throw new MillraceError(
      'startup/data-folder',
      `The data folder ${folder} cannot be written to (${reasonOf(error)}): give ${userInfo().username} write access to it, or name another by MILLRACE_DATA_DIR or --data-dir.`,
      { cause: error },
    );
  }
  return folder;
}

/**
 * Makes a folder and those above it. Node's own `recursive` tries for ever where the system says of an existing parent that it is
 * not there, as Linux does of /proc.
 */
function makeFolder(folder: string): void {
  if (!existsSync(folder)) {
    makeFolder(dirname(folder));
    // Tokens and keys live here: for this user alone.
    mkdirSync(folder, { mode: 0o700 });
  }
}

/** Holds a data folder for this process alone. */
export type DataFolderLock = { close(): Promise<void> };

/**
 * Sees that no other server uses the folder: two would give out the same numbers for other media. The lock is a name in
 * Linux's abstract socket space, which goes with the process, however that ends; elsewhere there is none.
 *
 * @throws {MillraceError} `startup/data-folder-in-use`.
 */
export async function lockDataFolder(folder: string): Promise<DataFolderLock> {
  if (process.platform !== 'linux') {
    return { close: () => Promise.resolve() };
  }
  const name = createHash('sha256').update(realpathSync(folder)).digest('hex').slice(0, 32);
  const lock = createServer((socket) => socket.destroy());
  lock.listen({ path: `\0millrace-${name}` });
  try {
    await once(lock, 'listening');
  } catch (cause) {
    throw new MillraceError(
      'startup/data-folder-in-use',
      `The data folder ${folder} is in use by another Millrace: stop that one, or name another folder by MILLRACE_DATA_DIR or --data-dir.`,
      { cause },
    );
  }
  lock.unref();
  return { close: () => new Promise((resolve) => lock.close(() => resolve())) };
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'it is mounted read-only',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of the path is a file',
  EEXIST: 'it is a file',
};

function reasonOf(error: unknown): string {
  return reasons[(error as NodeJS.ErrnoException).code ?? ''] ?? messageOf(error);
}
