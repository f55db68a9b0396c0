import { randomBytes } from 'node:crypto';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { parseStreamKey } from '#core/access/stream-key.ts';
import { MillraceError, messageOf } from '#core/runtime/errors.ts';

/** Name of the demo's stream. */
export const DEMO_STREAM = 'demo';

/**
 * The demo's key, made at the first start and kept in a file of mode 0600.
 *
 * @throws {MillraceError} `demo/key-unusable` where the file can be neither read nor made.
 */
export function loadDemoKey(dataDir: string): string {
  const path = join(dataDir, 'demo-key');
  try {
    const kept = read(path);
    if (kept !== undefined && parseStreamKey(kept)?.stream === DEMO_STREAM) {
      chmodSync(path, 0o600);
      return kept;
    }
    const made = makeKey();
    writeFileSync(path, `${made}\n`, { mode: 0o600 });
    chmodSync(path, 0o600);
    return made;
  } catch (error) {
    throw new MillraceError('demo/key-unusable', `The demo's key file ${path} cannot be used (${messageOf(error)}): remove it, or set MILLRACE_DEMO=off.`, {
      cause: error,
    });
  }
}

/** A key of the demo's stream that nobody can guess. */
export function makeKey(): string {
  return `${DEMO_STREAM}_${randomBytes(18).toString('base64url')}`;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
}
