import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import type { ArchivedTrack } from './archive.ts';
import { trackName } from '#core/media/track.ts';

import { info, ladder, ShelfHarness } from './testing/shelf-harness.ts';

let harness: ShelfHarness;

beforeEach(async () => {
  harness = await ShelfHarness.open();
});
afterEach(() => harness.remove());

const videoOf = (of: ShelfHarness = harness): ArchivedTrack | undefined => of.shelf.open(info.broadcast)?.tracks.get(trackName('video'));
const groupsOf = (track: ArchivedTrack | undefined): number[] => track?.segments.map(({ group }) => group) ?? [];

test('segments are found and read at once, from memory, and the same from disk', async () => {
  const track = await harness.keep();
  track.groups(100, 104);
  const video = videoOf()!;
  expect(groupsOf(video)).toEqual([100, 101, 102, 103, 104]);
  const before = await Promise.all(video.segments.map((segment) => video.read(segment)));
  await harness.settle();
  const after = await Promise.all(video.segments.map((segment) => video.read(segment)));
  expect(before).toEqual([100, 101, 102, 103, 104].map((group) => track.bytes(group)));
  expect(after).toEqual(before);
  const file = await readFile(join(harness.broadcastFolder, 'video.0.mp4'));
  const init = video.init(video.segments[0]!.config)!;
  expect(file).toEqual(Buffer.concat([init, ...before.map((bytes) => bytes!)]));
});

test('a recording goes on after a restart within the grace time, in the next epoch', async () => {
  const track = await harness.keep();
  track.groups(100, 104);
  await harness.close();
  const next = await ShelfHarness.open({}, harness);
  expect(groupsOf(videoOf(next))).toEqual([100, 101, 102, 103, 104]);
  expect(next.shelf.recordings()).toMatchObject([{ id: info.broadcast, state: 'open' }]);
  const again = await next.keep({ epoch: 1 });
  again.groups(103, 107, { epoch: 1 });
  again.finish();
  await again.keeper.end();
  const found = await next.shelf.find(info.broadcast);
  expect(found?.facts).toMatchObject({ state: 'finished', isRecording: true, lostGroups: 0 });
  expect(found?.ladder).toEqual(ladder);
  expect(groupsOf(found?.tracks.get(trackName('video')))).toEqual([100, 101, 102, 103, 104, 105, 106, 107, 108]);
  expect(await readdir(harness.broadcastFolder)).toEqual(['broadcast.json', 'video.0.mp4', 'video.1.mp4', 'video.index']);
  await next.close();
});
