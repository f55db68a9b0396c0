import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { broadcastId } from '#core/media/frame.ts';
import { wallTime } from '#core/media/time.ts';
import { trackName } from '#core/media/track.ts';

import { videoConfig, videoGroup } from '../cmaf/testing/frames.ts';
import type { ArchivedTrack } from './archive.ts';
import { MemoryDisk } from './testing/memory-disk.ts';
import { info, KeptTestTrack, ladder, ShelfHarness } from './testing/shelf-harness.ts';

let harness: ShelfHarness;

beforeEach(async () => {
  harness = await ShelfHarness.open();
});
afterEach(() => harness.remove());

const video = trackName('video');
const videoOf = (of: ShelfHarness = harness): ArchivedTrack | undefined => of.shelf.open(info.broadcast)?.tracks.get(video);
const groupsOf = (track: ArchivedTrack | undefined): number[] => track?.segments.map(({ group }) => group) ?? [];
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe('a broadcast that is kept', () => {
  test('is found and read at once, from memory, and the same from disk', async () => {
    const track = await harness.keep();
    track.groups(100, 104);
    const kept = videoOf()!;
    expect(groupsOf(kept)).toEqual(range(100, 104));
    const before = await Promise.all(kept.segments.map((segment) => kept.read(segment)));
    await harness.settle();
    const after = await Promise.all(kept.segments.map((segment) => kept.read(segment)));
    expect(before).toEqual(range(100, 104).map((group) => track.bytes(group)));
    expect(after).toEqual(before);
    expect(await kept.readSlice(kept.segments[2]!, 5, 10)).toEqual(track.bytes(102).subarray(5, 15));
    const file = await readFile(join(harness.broadcastFolder, 'video.0.mp4'));
    expect(file).toEqual(Buffer.concat([kept.init(kept.segments[0]!.config)!, ...before.map((bytes) => bytes!)]));
  });

  test('tells of each change in the turn in which it happened', async () => {
    const track = await harness.keep();
    const seen: number[] = [];
    const stop = harness.shelf.open(info.broadcast)!.onChange(() => seen.push(videoOf()?.segments.length ?? 0));
    track.groups(100, 101);
    expect(seen).toEqual([1, 2]);
    stop();
    track.groups(102, 102);
    expect(seen).toEqual([1, 2]);
  });

  test('has volumes for its configurations, each a file that plays by itself', async () => {
    const track = await harness.keep();
    track.groups(100, 101);
    track.groups(103, 104, { epoch: 1, trackConfig: { ...videoConfig, width: 1280, height: 720 } });
    track.finish();
    await track.keeper.end();
    expect((await readdir(harness.broadcastFolder)).filter((name) => name.endsWith('.mp4'))).toEqual(['video.0.mp4', 'video.1.mp4']);
    for (const name of ['video.0.mp4', 'video.1.mp4']) {
      const file = await readFile(join(harness.broadcastFolder, name));
      expect([file.toString('latin1', 4, 8), file.toString('latin1', file.length - 12, file.length - 8)]).toEqual(['ftyp', 'mfro']);
    }
  });

  test('counts groups that are missing', async () => {
    const track = await harness.keep();
    track.groups(100, 101);
    track.push(videoGroup(102, {}, 29));
    track.groups(106, 107);
    expect(groupsOf(videoOf())).toEqual([100, 101, 106, 107]);
    expect(harness.shelf.open(info.broadcast)?.facts).toMatchObject({ lostGroups: 4, duration: 4000, state: 'open' });
  });

  test('keeps messages once, though each rung carries them, and has them after a restart', async () => {
    const events = [{ id: 'a'.repeat(32), type: 'poll', pts: videoGroup(101)[3]!.pts, data: '{"n":1}' }];
    const keeper = harness.shelf.keep(info);
    const rungs = ['video', 'v720'].map((name) => new KeptTestTrack(keeper, trackName(name)));
    rungs.forEach((rung) => rung.push([...videoGroup(100), ...videoGroup(101).map((frame, index) => (index === 3 ? { ...frame, events } : frame)), ...videoGroup(102, {}, 1)]));
    await harness.settle();
    expect(harness.shelf.open(info.broadcast)?.events).toEqual(events);
    await harness.close();
    const next = await ShelfHarness.open({}, harness);
    expect(next.shelf.open(info.broadcast)?.events).toEqual(events);
    await next.close();
  });
});

describe('a recording', () => {
  test('goes on after a restart within the grace time, in the next epoch, and takes what is told twice once', async () => {
    const track = await harness.keep();
    track.groups(100, 104);
    await harness.settle();
    await harness.close();
    const next = await ShelfHarness.open({}, harness);
    expect(groupsOf(videoOf(next))).toEqual(range(100, 104));
    expect(next.shelf.recordings()).toMatchObject([{ id: info.broadcast, state: 'open' }]);
    const again = await next.keep({ epoch: 1 });
    again.groups(103, 107, { epoch: 1 });
    again.finish();
    await again.keeper.end();
    const found = await next.shelf.find(info.broadcast);
    expect(found?.facts).toMatchObject({ state: 'finished', isRecording: true, lostGroups: 0, endedAt: next.now });
    expect(found?.ladder).toEqual(ladder);
    expect(groupsOf(found?.tracks.get(video))).toEqual(range(100, 108));
    expect(await readdir(harness.broadcastFolder)).toEqual(['broadcast.json', 'video.0.mp4', 'video.1.mp4', 'video.index']);
    await next.close();
  });

  test('is finished by the start that comes after the grace time', async () => {
    const track = await harness.keep();
    track.groups(100, 104);
    await harness.settle();
    await harness.close();
    harness.now = wallTime(Date.now() + 41_000);
    const next = await ShelfHarness.open({}, harness);
    expect(next.shelf.open(info.broadcast)).toBeUndefined();
    expect(next.shelf.recordings()).toMatchObject([{ id: info.broadcast, state: 'finished', duration: 5000 }]);
    const found = await next.shelf.find(info.broadcast);
    expect(found!.facts).toEqual(next.shelf.recordings()[0]);
    const kept = found!.tracks.get(video)!;
    expect(await Promise.all(kept.segments.map((segment) => kept.read(segment)))).toEqual(range(100, 104).map((group) => track.bytes(group)));
    await next.close();
  });

  test('is finished when nobody returns', async () => {
    const track = await harness.keep();
    track.groups(100, 104);
    await harness.close();
    harness.now = wallTime(Date.now());
    const next = await ShelfHarness.open({}, harness);
    await next.pass(39);
    expect(next.shelf.recordings()).toMatchObject([{ state: 'open' }]);
    await next.pass(3);
    expect(next.shelf.recordings()).toMatchObject([{ state: 'finished' }]);
    await next.close();
  });

  test('goes on even after its end, where its broadcast does', async () => {
    const track = await harness.keep();
    track.groups(100, 101);
    await track.keeper.end();
    await harness.pass(61);
    expect(harness.shelf.open(info.broadcast)).toBeUndefined();
    const again = await harness.keep({ epoch: 1 });
    again.groups(200, 201, { epoch: 1 });
    again.finish();
    expect(harness.shelf.recordings()).toMatchObject([{ state: 'open' }]);
    await again.keeper.end();
    expect(groupsOf((await harness.shelf.find(info.broadcast))?.tracks.get(video))).toEqual([100, 101, 200, 201, 202]);
  });

  test('can be removed when it is finished, and not before', async () => {
    const track = await harness.keep();
    track.groups(100, 101);
    await expect(harness.shelf.remove(info.broadcast)).rejects.toMatchObject({ code: 'recording/in-progress' });
    await track.keeper.end();
    await harness.shelf.remove(info.broadcast);
    expect(harness.shelf.recordings()).toEqual([]);
    expect(await harness.shelf.find(info.broadcast)).toBeUndefined();
    expect(await readdir(harness.folder)).toEqual([]);
    await expect(harness.shelf.remove(info.broadcast)).rejects.toMatchObject({ code: 'recording/unknown' });
  });

  test('of nothing is damaged', async () => {
    const track = await harness.keep();
    await track.keeper.end();
    expect(harness.shelf.recordings()).toMatchObject([{ state: 'damaged', duration: 0 }]);
  });

  test('goes when it is too old, or all together are too big, oldest first', async () => {
    await harness.remove();
    harness = await ShelfHarness.open({ retention: { days: 1, bytes: 5000 } });
    const record = async (id: string): Promise<number> => {
      const track = await harness.keep({ broadcast: broadcastId(id), startedAt: harness.now });
      track.push(videoGroup(100));
      track.finish();
      await track.keeper.end();
      await harness.pass(1);
      return harness.shelf.recordings().find((recording) => recording.id === id)?.bytes ?? 0;
    };
    const size = await record('broadcast1');
    expect(size).toBeGreaterThan(1700);
    expect(size).toBeLessThan(2400);
    await record('broadcast2');
    await record('broadcast3');
    await harness.pass(2);
    expect(harness.shelf.recordings().map(({ id }) => id)).toEqual(['broadcast3', 'broadcast2']);
    harness.now = wallTime(harness.now + 86_400_000);
    await harness.pass(11);
    expect(harness.shelf.recordings()).toEqual([]);
  });
});

describe('a rewind window that is not recorded', () => {
  beforeEach(async () => {
    await harness.remove();
    harness = await ShelfHarness.open({ isRecorded: false, rewind: 120 });
  });

  test('slides: volumes of a minute are removed when nothing in them is inside it', async () => {
    const track = await harness.keep();
    track.groups(100, 339);
    expect(groupsOf(videoOf())).toEqual(range(160, 339));
    await harness.settle();
    expect((await readdir(harness.broadcastFolder)).filter((name) => name.endsWith('.mp4'))).toEqual(['video.1.mp4', 'video.2.mp4', 'video.3.mp4']);
    await harness.pass(1);
    expect(harness.health()).toMatchObject({ rewind: 120_000, recording: false, warnings: [] });
    expect(await videoOf()!.read(videoOf()!.segments[0]!)).toEqual(track.bytes(160));
  });

  test('has an index that is written anew when most of it is of what is gone, and that says the same', async () => {
    await harness.remove();
    const disk = new MemoryDisk();
    harness = await ShelfHarness.open({ isRecorded: false, rewind: 120, disk });
    const track = await harness.keep();
    const size = (): number => disk.files.get(join(harness.broadcastFolder, 'video.index'))?.length ?? 0;
    let largest = 0;
    for (let group = 100; group < 3100; group++) {
      track.push(videoGroup(group, {}, 2));
      if (group % 50 === 0) {
        await harness.settle();
        largest = Math.max(largest, size());
      }
    }
    await harness.settle();
    expect(largest).toBeLessThan(300_000);
    expect(largest).toBeGreaterThan(256 * 1024);
    expect(size()).toBeLessThan(200_000);
    const groups = groupsOf(videoOf());
    expect(groups.at(-1)).toBe(3098);
    await harness.close();
    harness.now = wallTime(0);
    const next = await ShelfHarness.open({ isRecorded: false, rewind: 120, disk }, harness);
    expect(groupsOf(videoOf(next))).toEqual(groups);
    expect(await videoOf(next)!.read(videoOf(next)!.segments[0]!)).toEqual(track.bytes(groups[0]!));
    await next.close();
  });

  test('stays within its bytes', async () => {
    await harness.remove();
    harness = await ShelfHarness.open({ isRecorded: false, rewind: 7200, rewindMaxBytes: 400_000 });
    const track = await harness.keep();
    track.groups(100, 699);
    await harness.settle();
    const { bytes } = harness.shelf.open(info.broadcast)!.facts;
    expect(bytes).toBeLessThan(520_000);
    expect(bytes).toBeGreaterThan(200_000);
    expect(groupsOf(videoOf()).at(-1)).toBe(699);
  });

  test('stays for a minute after the end, and is gone then, with its folder', async () => {
    const track = await harness.keep();
    track.groups(100, 110);
    await track.keeper.end();
    expect(await videoOf()!.read(videoOf()!.segments[0]!)).toEqual(track.bytes(100));
    await harness.pass(61);
    expect(harness.shelf.open(info.broadcast)).toBeUndefined();
    expect(harness.shelf.recordings()).toEqual([]);
    expect(await readdir(harness.folder)).toEqual([]);
  });

  test('is removed by the start that comes after the grace time', async () => {
    const track = await harness.keep();
    track.groups(100, 110);
    await harness.close();
    harness.now = wallTime(Date.now() + 41_000);
    const next = await ShelfHarness.open({ isRecorded: false }, harness);
    expect(await readdir(harness.folder)).toEqual([]);
    await next.close();
  });
});

test('where neither rewind nor recording is wanted nothing is written', async () => {
  await harness.remove();
  harness = await ShelfHarness.open({ isRecorded: false, rewind: 0 });
  const track = await harness.keep();
  track.groups(100, 101);
  await harness.pass(1);
  expect(harness.shelf.open(info.broadcast)).toBeUndefined();
  expect(harness.health()).toBeUndefined();
  await expect(readdir(harness.folder)).rejects.toThrow('ENOENT');
});

test('bad files in the archive stop nothing, and are left alone', async () => {
  const track = await harness.keep();
  track.groups(100, 101);
  await track.keeper.end();
  await harness.close();
  const files: Readonly<Record<string, string>> = {
    'notes.txt': 'mine',
    'emptyfolder1/.keep': '',
    'torn1234/broadcast.json': '{"version":1,"id":"torn1',
    'binary12/video.index': '\u0000\u0001\u0002\n\n{}\n',
    'other123/broadcast.json': await readFile(join(harness.broadcastFolder, 'broadcast.json'), 'utf8'),
    '.removed-old12345/video.0.mp4': 'x',
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(harness.folder, path, '..'), { recursive: true });
    await writeFile(join(harness.folder, path), text);
  }
  await mkdir(join(harness.folder, 'video1234', 'video.index'), { recursive: true });
  const next = await ShelfHarness.open({}, harness);
  expect(next.shelf.recordings()).toMatchObject([{ id: info.broadcast, state: 'finished' }]);
  expect(await readdir(harness.folder)).toEqual(['binary12', 'emptyfolder1', 'notes.txt', 'other123', info.broadcast, 'torn1234', 'video1234']);
  await next.close();
});
