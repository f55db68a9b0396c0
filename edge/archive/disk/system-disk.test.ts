import { mkdtemp, readdir, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { sizeOf } from './disk.ts';
import { OpenFiles } from './open-files.ts';
import { systemDisk } from './system-disk.ts';

const disk = systemDisk();
let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-disk-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("the system's disk", () => {
  test('writes many buffers from a position on, and reads them', async () => {
    const file = await disk.open(join(folder, 'a'), 'write');
    await file.write([Buffer.from('hello'), Buffer.alloc(0), Buffer.from(' world')], 3);
    const into = Buffer.alloc(20);
    expect(await file.read(into, 3)).toBe(11);
    expect(into.toString('utf8', 0, 11)).toBe('hello world');
    await file.truncate(5);
    await file.sync();
    expect(await file.stat()).toEqual({ size: 5, linked: true });
    await unlink(join(folder, 'a'));
    expect(await file.stat()).toEqual({ size: 5, linked: false });
    await file.close();
  });

  test('keeps what is in a file that is opened to be written, for this user alone', async () => {
    await writeFile(join(folder, 'a'), 'kept');
    await (await disk.open(join(folder, 'a'), 'write')).close();
    expect(await readFile(join(folder, 'a'), 'utf8')).toBe('kept');
    await (await disk.open(join(folder, 'b'), 'write')).close();
    expect((await stat(join(folder, 'b'))).mode & 0o777).toBe(0o600);
  });

  test('replaces a file and leaves nothing beside it', async () => {
    await disk.replaceFile(join(folder, 'a'), 'old');
    await disk.replaceFile(join(folder, 'a'), 'new');
    expect(await readFile(join(folder, 'a'), 'utf8')).toBe('new');
    expect(await readdir(folder)).toEqual(['a']);
  });

  test('says what is missing', async () => {
    expect(await disk.list(join(folder, 'none'))).toEqual([]);
    expect(await sizeOf(disk, join(folder, 'none'))).toBeUndefined();
    await expect(disk.open(join(folder, 'none'), 'read')).rejects.toMatchObject({ code: 'ENOENT' });
    await disk.remove(join(folder, 'none'));
    expect(await disk.freeBytes(folder)).toBeGreaterThan(0);
  });
});

describe('files open for reading', () => {
  test('are few, the last ones used', async () => {
    const files = new OpenFiles(disk, 2);
    for (const name of ['a', 'b', 'c']) {
      await writeFile(join(folder, name), `in ${name}`);
    }
    const read = async (name: string): Promise<string | undefined> => (await files.read(join(folder, name), 3, 1))?.toString();
    expect(await Promise.all(['a', 'b', 'c', 'a', 'c'].map(read))).toEqual(['a', 'b', 'c', 'a', 'c']);
    await expect.poll(() => files.count).toBe(2);
    files.forget(folder);
    await expect.poll(() => files.count).toBe(0);
    expect(await read('b')).toBe('b');
    files.close();
    await expect.poll(() => files.count).toBe(0);
  });

  test('that are missing, or end before, have nothing to give, and are asked again', async () => {
    const files = new OpenFiles(disk);
    expect(await files.read(join(folder, 'a'), 0, 1)).toBeUndefined();
    await writeFile(join(folder, 'a'), 'abc');
    expect(await files.read(join(folder, 'a'), 1, 2)).toEqual(Buffer.from('bc'));
    expect(await files.read(join(folder, 'a'), 1, 3)).toBeUndefined();
    files.close();
  });
});
