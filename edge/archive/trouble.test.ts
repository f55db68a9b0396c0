import { readdir, rm } from 'node:fs/promises';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { broadcastId } from '#core/media/frame.ts';
import { trackName } from '#core/media/track.ts';

import { videoFrame, videoGroup } from '../cmaf/testing/frames.ts';
import { MAX_QUEUED_BYTES } from './kept-broadcast.ts';
import { MemoryDisk } from './testing/memory-disk.ts';
import { info, KeptTestTrack, ShelfHarness } from './testing/shelf-harness.ts';

const video = trackName('video');
let disk: MemoryDisk;
let harness: ShelfHarness;

beforeEach(async () => {
  disk = new MemoryDisk();
  harness = await ShelfHarness.open({ disk });
});
afterEach(() => harness.remove());

const kept = () => harness.shelf.open(info.broadcast)?.tracks.get(video);
const groups = (): number[] => kept()?.segments.map(({ group }) => group) ?? [];
const failing = (code: string) => () => Promise.reject(Object.assign(new Error(`${code}: no`), { code }));
const lost = async (): Promise<string[]> => (await harness.registry.metrics()).split('\n').filter((line) => line.startsWith('millrace_archive_segments_lost_total'));

/** Everything that is listed is read, and is what live viewers had. */
async function expectReadable(track: KeptTestTrack): Promise<void> {
  for (const segment of kept()!.segments) {
    expect((await kept()!.read(segment))?.equals(track.bytes(segment.group)), `group ${segment.group}`).toBe(true);
  }
}

describe('a disk that fails', () => {
  test.each([
    ['ENOSPC', 'archive/disk-full'],
    ['EDQUOT', 'archive/disk-full'],
    ['EIO', 'archive/unusable'],
    ['EROFS', 'archive/unusable'],
  ])('with %s turns the archive off with %s, and is tried again each ten seconds', async (code, warning) => {
    const track = await harness.keep();
    track.groups(100, 102);
    await harness.settle();
    disk.before = (operation) => (operation === 'write' ? failing(code)() : undefined);
    track.groups(103, 104);
    await harness.settle();
    track.groups(105, 106);
    await harness.pass(1);
    expect(groups()).toEqual([100, 101, 102]);
    expect(harness.shelf.open(info.broadcast)?.rewind).toBe(0);
    expect(harness.health()).toMatchObject({ rewind: 0, rewindOff: expect.stringContaining('live goes on') as string, recording: false, warnings: [{ code: warning, since: harness.now - 1000 }] });
    disk.before = () => undefined;
    await harness.pass(10);
    track.groups(107, 109);
    await harness.pass(1);
    expect(groups()).toEqual([100, 101, 102, 107, 108, 109]);
    expect(harness.health()).toMatchObject({ rewind: 9000, recording: true, warnings: [] });
    await expectReadable(track);
    expect(harness.shelf.open(info.broadcast)?.facts.lostGroups).toBe(4);
    expect(await lost()).toEqual([
      'millrace_archive_segments_lost_total{reason="slow"} 0',
      'millrace_archive_segments_lost_total{reason="off"} 2',
      'millrace_archive_segments_lost_total{reason="failed"} 2',
    ]);
    track.finish();
    await track.keeper.end();
    expect(harness.shelf.recordings()).toMatchObject([{ state: 'finished' }]);
  });

  test('in the middle of a write leaves nothing of it', async () => {
    const track = await harness.keep();
    track.groups(100, 102);
    await harness.settle();
    const path = `${harness.broadcastFolder}/video.0.mp4`;
    const whole = disk.files.get(path)!.length;
    disk.before = (operation, name) => {
      if (operation === 'write' && name === path) {
        disk.files.set(path, Buffer.concat([disk.files.get(path)!, Buffer.alloc(100, 1)]));
        return failing('ENOSPC')();
      }
    };
    track.groups(103, 104);
    await harness.settle();
    disk.before = () => undefined;
    await harness.pass(11);
    expect(disk.files.get(path)).toHaveLength(whole);
    track.groups(105, 106);
    await harness.close();
    harness = await ShelfHarness.open({ disk }, harness);
    await harness.keep();
    expect(groups()).toEqual([100, 101, 102, 105, 106]);
  });

  test('at the very beginning is tried again too', async () => {
    disk.before = (operation) => (operation === 'replace' ? failing('EACCES')() : undefined);
    const track = await harness.keep();
    track.groups(100, 102);
    await harness.pass(1);
    expect(harness.health()?.warnings).toMatchObject([{ code: 'archive/unusable', message: expect.stringContaining('EACCES') as string }]);
    disk.before = () => undefined;
    await harness.pass(11);
    track.groups(103, 104);
    expect(groups()).toEqual([103, 104]);
  });

  test('at the end leaves the recording to the next start', async () => {
    const track = await harness.keep();
    track.groups(100, 102);
    await harness.settle();
    disk.before = (operation) => (operation === 'write' ? failing('ENOSPC')() : undefined);
    await track.keeper.end();
    expect(harness.shelf.recordings()).toMatchObject([{ state: 'finished' }]);
    disk.before = () => undefined;
    await harness.close();
    disk.now = () => harness.now;
    harness = await ShelfHarness.open({ disk }, harness);
    await harness.pass(42);
    const found = await harness.shelf.find(info.broadcast);
    expect(found?.facts.state).toBe('finished');
    expect(found?.tracks.get(video)?.segments).toHaveLength(3);
  });
});

test('a folder that is removed while it is written to is noticed, told of, and made anew', async () => {
  await harness.remove();
  harness = await ShelfHarness.open();
  const track = await harness.keep();
  track.groups(100, 105);
  await harness.settle();
  await rm(harness.folder, { recursive: true });
  track.groups(106, 107);
  await harness.pass(5);
  await harness.pass(1);
  expect(harness.health()).toMatchObject({ rewind: 0, recording: false, warnings: [{ code: 'archive/unusable' }] });
  await harness.pass(10);
  expect(groups()).toEqual([]);
  track.groups(108, 112);
  await harness.pass(1);
  expect(groups()).toEqual([108, 109, 110, 111, 112]);
  await expectReadable(track);
  expect(harness.health()).toMatchObject({ recording: true, warnings: [] });
  expect(await readdir(harness.broadcastFolder)).toEqual(['broadcast.json', 'video.1.mp4', 'video.index']);
});

describe('a slow disk', () => {
  test('fills the queue, then loses segments, and the broadcaster is told for half a minute', async () => {
    const gate = Promise.withResolvers<void>();
    const track = await harness.keep();
    disk.before = (operation) => (operation === 'write' ? gate.promise : undefined);
    const data = new Uint8Array(8 * 1024 * 1024);
    const big = (group: number): void => track.push([videoFrame({ group, index: 0, data }), ...videoGroup(group).slice(1)]);
    for (let group = 100; group <= 110; group++) {
      big(group);
    }
    await harness.shelf.tick();
    // Five of eight mebibytes fit; the last group is not whole yet.
    expect(groups()).toEqual([100, 101, 102, 103, 104]);
    expect(harness.health()?.warnings).toMatchObject([{ code: 'archive/disk-slow' }]);
    expect(Number(/^millrace_archive_queued_bytes (\d+)$/m.exec(await harness.registry.metrics())?.[1])).toBeLessThanOrEqual(MAX_QUEUED_BYTES);
    gate.resolve();
    await harness.settle();
    track.push([...videoGroup(111, {}), ...videoGroup(112, {}, 1)]);
    expect(groups()).toEqual([100, 101, 102, 103, 104, 110, 111]);
    expect(harness.shelf.open(info.broadcast)?.facts.lostGroups).toBe(5);
    await expectReadable(track);
    await harness.pass(31);
    expect(harness.health()?.warnings).toEqual([]);
  });

  test('that hangs does not keep health from being told, nor the server from stopping', async () => {
    const track = await harness.keep();
    disk.before = () => new Promise<void>(() => undefined);
    track.groups(100, 102);
    void harness.shelf.tick();
    void harness.shelf.tick();
    expect(harness.health()).toMatchObject({ recording: true });
    await harness.close();
    disk.before = () => undefined;
  }, 10_000);
});

describe('room on the disk', () => {
  const record = async (id: string, from: number): Promise<void> => {
    const track = await harness.keep({ broadcast: broadcastId(id), startedAt: harness.now });
    track.groups(from, from + 1);
    await track.keeper.end();
    await harness.pass(1);
  };

  test('is made by removing the oldest recordings; when there is none left, writing stops until there is room', async () => {
    await harness.remove();
    const minFree = 1e9;
    disk.free = 2e9;
    harness = await ShelfHarness.open({ disk, minFree });
    await record('broadcast1', 100);
    await record('broadcast2', 100);
    const track = await harness.keep({ startedAt: harness.now });
    track.groups(100, 102);
    disk.free = minFree + 1e7;
    await harness.pass(1);
    expect(harness.shelf.recordings().map(({ id }) => id)).toEqual([info.broadcast, 'broadcast2']);
    await harness.pass(1);
    expect(harness.shelf.recordings().map(({ id }) => id)).toEqual([info.broadcast]);
    track.groups(103, 104);
    await harness.pass(1);
    expect(harness.health()).toMatchObject({ recording: true, warnings: [] });
    disk.free = minFree + 10;
    await harness.pass(1);
    track.groups(105, 106);
    await harness.settle();
    await harness.pass(1);
    expect(harness.health()).toMatchObject({ recording: false, warnings: [{ code: 'archive/disk-full' }] });
    expect(groups()).toEqual([100, 101, 102, 103, 104]);
    disk.free = 2e9;
    await harness.pass(11);
    track.groups(107, 108);
    expect(groups()).toEqual([100, 101, 102, 103, 104, 107, 108]);
  });

  test('for recordings that is used up stops the one in progress; viewers on the line are told why they cannot go back', async () => {
    await harness.remove();
    harness = await ShelfHarness.open({ disk, retention: { days: 0, bytes: 20_000 } });
    const track = await harness.keep();
    for (let group = 100; group < 130; group += 2) {
      track.groups(group, group + 1);
      await harness.pass(1);
    }
    expect(harness.health()).toMatchObject({ recording: false, warnings: [{ code: 'archive/recordings-full' }] });
    expect(harness.shelf.recordings()[0]?.bytes).toBeLessThan(25_000);
  });
});

describe('of several edges', () => {
  test('the one whose lease is taken stops, and what it has is finished', async () => {
    const track = await harness.keep();
    track.groups(100, 102);
    await harness.settle();
    await harness.bus.lease(`archive/${info.broadcast}`);
    await Promise.resolve();
    await harness.settle();
    track.groups(103, 104);
    await harness.pass(1);
    expect(groups()).toEqual([100, 101, 102]);
    expect(harness.shelf.recordings()).toMatchObject([{ state: 'finished' }]);
  });

  test('one waits while another has the lease, and is not told that it keeps anything', async () => {
    const other = await harness.bus.lease(`archive/${info.broadcast}`);
    const keeper = harness.shelf.keep(info);
    const told: boolean[] = [];
    keeper.onKeeping((isKeeping) => told.push(isKeeping));
    for (let turn = 0; turn < 20; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(harness.shelf.open(info.broadcast)).toBeUndefined();
    await keeper.end();
    expect(harness.shelf.recordings()).toEqual([]);
    expect(told).toEqual([]);
    other.release();
  });

  test('one goes on where another is gone, with what it heard in the last ten seconds', async () => {
    const other = await harness.bus.lease(`archive/${info.broadcast}`);
    const keeper = harness.shelf.keep(info);
    const told: boolean[] = [];
    keeper.onKeeping((isKeeping) => told.push(isKeeping));
    const track = new KeptTestTrack(keeper);
    track.groups(100, 130);
    other.release();
    await harness.settle();
    expect(groups()).toEqual([120, 121, 122, 123, 124, 125, 126, 127, 128, 129, 130]);
    expect(told).toEqual([true]);
    await harness.bus.lease(`archive/${info.broadcast}`);
    await Promise.resolve();
    expect(told).toEqual([true, false]);
  });

  test('one asks again where the bus cannot tell who has the lease', async () => {
    const { tryLease } = harness.bus;
    harness.bus.tryLease = () => {
      harness.bus.tryLease = tryLease;
      return Promise.reject(new Error('away'));
    };
    new KeptTestTrack(harness.shelf.keep(info)).groups(100, 101);
    await harness.settle();
    expect(groups()).toEqual([100, 101]);
  });
});
