import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { wallTime } from '#core/media/time.ts';
import { trackName } from '#core/media/track.ts';

import { noteDone, noteSprite, readSpriteLog, type Sprite } from './sprite-log.ts';

const sprite = (number: number, given: Partial<Sprite> = {}): Sprite => ({
  number, size: { width: 160, height: 90 }, failed: false,
  tiles: [{ track: trackName('v360'), group: number * 100, epoch: 1, place: number * 25, wallTime: wallTime(1_767_225_600_000.25) }], ...given,
});

async function folderOf(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-pictures-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test('what is noted is read back', async () => {
  const folder = await folderOf();
  expect(await readSpriteLog(folder)).toEqual({ sprites: [], done: false });
  await noteSprite(folder, sprite(0));
  await noteSprite(folder, sprite(1, { failed: true }));
  expect(await readSpriteLog(folder)).toEqual({ sprites: [sprite(0), sprite(1, { failed: true })], done: false });
  await noteDone(folder);
  expect(await readSpriteLog(folder)).toMatchObject({ done: true });
});

test('cut at any byte, as a crash does, it is read up to there and goes on', async () => {
  const folder = await folderOf();
  const path = join(folder, 'storyboard.jsonl');
  await noteSprite(folder, sprite(0));
  const before = (await readFile(path)).length;
  await noteSprite(folder, sprite(1));
  const whole = await readFile(path);
  for (let cut = before; cut < whole.length; cut++) {
    await writeFile(path, whole.subarray(0, cut));
    const found = (await readSpriteLog(folder)).sprites;
    expect(found.slice(0, 1)).toEqual([sprite(0)]);
    await noteSprite(folder, sprite(found.length));
    expect((await readSpriteLog(folder)).sprites).toEqual([...found, sprite(found.length)]);
  }
});

test.each([
  ['no JSON', 'rubbish'],
  ['another shape', '{"sprite":"1"}'],
  ['a number out of turn', JSON.stringify({ sprite: 7, size: [160, 90], tiles: [['v360', 1, 1, 1, 1]], failed: false })],
  ['a track that none can be', JSON.stringify({ sprite: 1, size: [160, 90], tiles: [['../v360', 1, 1, 1, 1]], failed: false })],
])('a line with %s is left out', async (_what, line) => {
  const folder = await folderOf();
  await noteSprite(folder, sprite(0));
  await appendFile(join(folder, 'storyboard.jsonl'), `${line}\n`);
  await noteSprite(folder, sprite(1));
  expect((await readSpriteLog(folder)).sprites).toEqual([sprite(0), sprite(1)]);
});
