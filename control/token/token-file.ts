import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { messageOf, MillraceError } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';

/** Name of the API token's file in the data folder. */
export const TOKEN_FILE = 'api-token';

const tokenPattern = /^[A-Za-z0-9_-]{32,256}$/;

/** An API token and where it is kept. */
export type StoredToken = { readonly token: string; readonly path: string; readonly created: boolean };

/**
 * Reads the API token of a data folder; the first start makes it, readable by its owner alone.
 *
 * @throws {MillraceError} `control/token-unusable` where the file cannot be made or read, or holds no token.
 */
export async function loadApiToken(dataDir: string, log: Logger): Promise<StoredToken> {
  const path = join(dataDir, TOKEN_FILE);
  try {
    const token = await read(path);
    if (token !== undefined) {
      await keepPrivate(path, log);
      return { token, path, created: false };
    }
    return await create(dataDir, path);
  } catch (thrown) {
    if (thrown instanceof MillraceError) {
      throw thrown;
    }
    throw new MillraceError('control/token-unusable', `Cannot keep the API token in ${path}: ${messageOf(thrown)}. Give this user the right to write there, or set dataDir to another folder.`, { cause: thrown });
  }
}

async function read(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch((thrown: unknown) => {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') {
      return undefined;
    }
    throw thrown;
  });
  const token = text?.trim();
  if (token !== undefined && !tokenPattern.test(token)) {
    throw new MillraceError('control/token-unusable', `${path} holds no API token (32 to 256 letters, digits, dashes and underscores). Delete the file, and the next start makes a new one.`);
  }
  return token;
}

/** Writes the file whole under another name first: whoever reads it finds a token, and of two starts at once one wins. */
async function create(dataDir: string, path: string): Promise<StoredToken> {
  await mkdir(dataDir, { recursive: true });
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  const made = randomBytes(32).toString('base64url');
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(`${made}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(draft, path).catch((thrown: unknown) => linkless(thrown, path, made));
    return { token: made, path, created: true };
  } catch (thrown) {
    const winner = (thrown as NodeJS.ErrnoException).code === 'EEXIST' ? await read(path) : undefined;
    if (winner === undefined) {
      throw thrown;
    }
    return { token: winner, path, created: false };
  } finally {
    await rm(draft, { force: true });
  }
}

/** Some mounted folders know no hard links: there the file is made in place, still by one start alone. */
async function linkless(thrown: unknown, path: string, made: string): Promise<void> {
  if (!['EPERM', 'ENOTSUP', 'ENOSYS'].includes((thrown as NodeJS.ErrnoException).code ?? '')) {
    throw thrown;
  }
  await writeFile(path, `${made}\n`, { flag: 'wx', mode: 0o600 });
}

async function keepPrivate(path: string, log: Logger): Promise<void> {
  const { mode } = await stat(path);
  if (process.platform === 'win32' || (mode & 0o077) === 0) {
    return;
  }
  log.warn({ path }, 'the API token could be read by other users of this machine: the file is made private now; delete it and restart to have a new token');
  // Some mounted folders know no permissions; the warning is all that can be done there.
  await chmod(path, 0o600).catch(() => undefined);
}
