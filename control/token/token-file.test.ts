import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { memoryLog } from '../testing/memory-log.ts';
import { loadApiToken } from './token-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-token-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('the first start makes a token that its owner alone can read, the second reads it', async () => {
  const { log, text } = memoryLog();
  const dataDir = join(folder, 'deep', 'data');
  const first = await loadApiToken(dataDir, log);
  expect(first).toMatchObject({ created: true, path: join(dataDir, 'api-token') });
  expect(first.token).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect((await stat(first.path)).mode & 0o777).toBe(0o600);
  expect(await loadApiToken(dataDir, log)).toEqual({ ...first, created: false });
  expect(await readdir(dataDir)).toEqual(['api-token']);
  expect(text()).not.toContain(first.token);
});

test('starts at the same time agree on one token', async () => {
  const { log } = memoryLog();
  const tokens = await Promise.all(Array.from({ length: 8 }, () => loadApiToken(folder, log)));
  expect(new Set(tokens.map(({ token }) => token)).size).toBe(1);
  expect(tokens.filter(({ created }) => created)).toHaveLength(1);
  expect(await readdir(folder)).toEqual(['api-token']);
});

test('a token that others can read is made private, with a warning', async () => {
  const { log, text } = memoryLog();
  const { path, token } = await loadApiToken(folder, log);
  await chmod(path, 0o644);
  expect((await loadApiToken(folder, log)).token).toBe(token);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(text()).toContain('could be read by other users');
  expect(text()).not.toContain(token);
});

test.each(['', 'short\n', 'with spaces in it, and long enough otherwise\n'])('the file content %j is no token', async (content) => {
  const { log } = memoryLog();
  await writeFile(join(folder, 'api-token'), content);
  await expect(loadApiToken(folder, log)).rejects.toMatchObject({ code: 'control/token-unusable', message: expect.stringContaining('Delete the file') as unknown });
  expect(await readFile(join(folder, 'api-token'), 'utf8')).toBe(content);
});

test('a token of the operator\'s own is taken', async () => {
  const { log } = memoryLog();
  await writeFile(join(folder, 'api-token'), `${'x'.repeat(32)}\n`, { mode: 0o600 });
  expect((await loadApiToken(folder, log)).token).toBe('x'.repeat(32));
});

test('a data folder that cannot hold the token is a clear error', async () => {
  const { log } = memoryLog();
  await writeFile(join(folder, 'file'), '');
  await expect(loadApiToken(join(folder, 'file'), log)).rejects.toMatchObject({ code: 'control/token-unusable', message: expect.stringContaining('dataDir') as unknown });
  await mkdir(join(folder, 'api-token'));
  await expect(loadApiToken(folder, log)).rejects.toMatchObject({ code: 'control/token-unusable' });
});
