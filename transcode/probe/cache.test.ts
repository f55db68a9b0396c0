import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { keepHigher, readCapacity, writeCapacity, type ProbeKey } from './cache.ts';

const key: ProbeKey = { ffmpegVersion: '5.1', encoder: 'x264', preset: 'veryfast', threads: 2 };
let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-cache-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

test('of two measurements with the same ffmpeg on the same processor the higher one is kept', async () => {
  await writeCapacity(folder, key, 50);
  expect(await keepHigher(folder, key, 40)).toBe(50);
  expect(await readCapacity(folder, key)).toBe(50);
  expect(await keepHigher(folder, key, 80)).toBe(80);
  expect(await readCapacity(folder, key)).toBe(80);
});

test('what another ffmpeg or another setting was measured with does not count', async () => {
  await writeCapacity(folder, key, 500);
  const other = { ...key, preset: 'medium' };
  expect(await readCapacity(folder, other)).toBeUndefined();
  expect(await keepHigher(folder, other, 40)).toBe(40);
  expect(await readCapacity(folder, other)).toBe(40);
});
