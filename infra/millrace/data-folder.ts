import { accessSync, constants, mkdirSync, mkdtempSync, rmdirSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';

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
    // Tokens and keys live here: for this user alone.
    mkdirSync(folder, { recursive: true, mode: 0o700 });
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
