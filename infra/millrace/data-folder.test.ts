import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { lockDataFolder, prepareDataFolder } from './data-folder.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-data-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the data folder', () => {
  test('is made for this user alone, and nothing is left in it', () => {
    const path = prepareDataFolder(join(folder, 'a', 'b'));
    expect(existsSync(path)).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(readdirSync(path)).toEqual([]);
  });

  test('that is a file, or lies below one, is refused with what to do', () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    for (const path of [file, join(file, 'below')]) {
      expect(() => prepareDataFolder(path)).toThrow(/^The data folder \S+ cannot be written to \(.*file.*\): give \S+ write access to it, or name another by MILLRACE_DATA_DIR or --data-dir\.$/);
    }
  });

  test.runIf(process.platform === 'linux').each(['/proc/self/fdinfo', '/proc/new/folder'])('on a file system that takes no files is refused: %s', (path) => {
    expect(() => prepareDataFolder(path)).toThrow(/cannot be written to/);
  });

  test.runIf(process.platform === 'linux')('is for one server at a time', async () => {
    const lock = await lockDataFolder(folder);
    await expect(lockDataFolder(`${folder}/.`)).rejects.toThrow(/is in use by another Millrace: stop that one/);
    await lock.close();
    await (await lockDataFolder(folder)).close();
  });
});
