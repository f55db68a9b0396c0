import { beforeAll, describe, expect, test } from 'vitest';

import { millis, ticks, VIDEO_TIMESCALE } from '#core/media/time.ts';
import { trackName } from '#core/media/track.ts';

import { videoConfig } from '../../cmaf/testing/frames.ts';
import { OpenFiles } from '../disk/open-files.ts';
import { volumeFile } from '../format/names.ts';
import { MemoryDisk, type Change } from '../testing/memory-disk.ts';
import { info, ShelfHarness } from '../testing/shelf-harness.ts';
import { mendBroadcast } from './mend-broadcast.ts';

const video = trackName('video');
const live = new Map<number, Buffer>();
const first = 100;
let journal: readonly Change[] = [];
let folder = '';

/** A recording with two configurations, a message, a restart in the middle and an end; every change to the disk is noted. */
beforeAll(async () => {
  const disk = new MemoryDisk();
  const harness = await ShelfHarness.open({ disk });
  folder = harness.broadcastFolder;
  const track = await harness.keep();
  track.groups(first, first + 2);
  const wide = { trackConfig: { ...videoConfig, width: 1280, height: 720 } };
  track.groups(first + 4, first + 5, { ...wide, epoch: 1 });
  await harness.settle();
  await harness.close();
  const next = await ShelfHarness.open({ disk }, harness);
  const again = await next.keep({ epoch: 2 });
  again.groups(first + 8, first + 9, { ...wide, epoch: 2 });
  again.finish();
  await again.keeper.end();
  for (const log of [track.live, again.live]) {
    for (const [group, segment] of log.segments) {
      if (segment.complete) {
        live.set(group, Buffer.concat(segment.parts.map(({ bytes }) => bytes)));
      }
    }
  }
  journal = disk.journal.map((change) => change);
  await next.remove();
});

/** What a mended broadcast has, each segment read from the disk and held against what live viewers had. */
async function mended(disk: MemoryDisk): Promise<number[] | undefined> {
  const reading = { disk, files: new OpenFiles(disk), folder };
  const loaded = await mendBroadcast(reading, info.broadcast);
  const track = loaded?.tracks[0];
  for (const segment of track?.segments ?? []) {
    expect((await track?.read(segment))?.equals(live.get(segment.group)!), `group ${segment.group}`).toBe(true);
  }
  // Nothing is left behind the last segment of a volume, and no volume that the index does not name. (Before there is an index, the first volume is begun anew.)
  for (const [path, content] of disk.files) {
    const volume = [...(track?.volumes.values() ?? [])].find(({ number }) => path.endsWith(`/${volumeFile(video, number)}`));
    if (track !== undefined && path.endsWith('.mp4')) {
      expect(content.length).toBe(volume?.finishedBytes ?? volume?.end);
    }
  }
  return loaded && track?.segments.map(({ group }) => group);
}

/** Segments of which the disk held every byte at some time. */
function wholeAfter(changes: number, bytes: number): number[] {
  const written = journal.slice(0, changes).concat(journal[changes] === undefined ? [] : { ...journal[changes], ...(journal[changes].do === 'write' ? { bytes: journal[changes].bytes.subarray(0, bytes) } : {}) } as Change);
  return [...live].filter(([, media]) => written.some((change) => change.do === 'write' && change.bytes.equals(media))).map(([group]) => group);
}

describe('after a crash', () => {
  test('there is something to crash in', () => {
    expect(journal.length).toBeGreaterThan(30);
    expect([...live.keys()]).toEqual([100, 101, 102, 103, 104, 105, 108, 109, 110]);
  });

  test('between any two changes to the disk everything that is whole is there, and mending once more changes nothing', async () => {
    for (let changes = 0; changes <= journal.length; changes++) {
      const disk = MemoryDisk.after(journal, changes);
      const groups = await mended(disk);
      expect(groups ?? [], `${changes} changes`).toEqual(wholeAfter(changes, 0));
      const before = disk.journal.length;
      expect(await mended(disk)).toEqual(groups);
      expect(disk.journal.slice(before)).toEqual([]);
    }
  });

  test('in the middle of any write the same is true', async () => {
    for (const [changes, change] of journal.entries()) {
      if (change.do === 'write') {
        const { length } = change.bytes;
        const cuts = new Set([1, 7, 8, 9, Math.floor(length / 3), Math.floor(length / 2), length - 9, length - 1].filter((bytes) => bytes > 0 && bytes < length));
        for (const bytes of cuts) {
          const groups = await mended(MemoryDisk.after(journal, changes, bytes));
          expect(groups ?? [], `${changes} changes and ${bytes} bytes of ${change.path}`).toEqual(wholeAfter(changes, bytes));
        }
      }
    }
  });

  test('whatever else happens to the bytes, what is mended is read as it is listed, or not at all', async () => {
    let state = 1;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    for (let trial = 0; trial < 300; trial++) {
      const disk = MemoryDisk.after(journal, journal.length - random(6));
      const paths = [...disk.files.keys()];
      for (let damage = 0; damage <= random(4); damage++) {
        const path = paths[random(paths.length)]!;
        const content = Buffer.from(disk.files.get(path) ?? Buffer.alloc(0));
        const at = random(content.length + 1);
        const how = random(5);
        if (how === 0) {
          disk.files.delete(path);
        } else if (how === 1) {
          disk.files.set(path, content.subarray(0, at));
        } else if (how === 2) {
          disk.files.set(path, Buffer.concat([content.subarray(0, at), Buffer.from([random(256), 0x0a, random(256)]), content.subarray(at)]));
        } else {
          content.fill(random(256), at, Math.min(content.length, at + random(60)));
          disk.files.set(path, content);
        }
      }
      const reading = { disk, files: new OpenFiles(disk), folder };
      for (const track of (await mendBroadcast(reading, info.broadcast))?.tracks ?? []) {
        for (const segment of track.segments) {
          const bytes = await track.read(segment);
          expect([segment.bytes, undefined]).toContain(bytes?.length);
        }
      }
    }
  });

  test('segments behind the last line of the index are taken in where another stands behind them', async () => {
    const disk = MemoryDisk.after(journal, journal.length);
    const index = `${folder}/video.index`;
    const lines = disk.files.get(index)!.toString().split('\n').filter((line) => !line.includes('"finished"'));
    const cut = lines.findIndex((line) => line.startsWith('{"group":109'));
    disk.files.set(index, Buffer.from(`${lines.slice(0, cut).join('\n')}\n{"group":109,"ep`));
    expect(await mended(disk)).toEqual([100, 101, 102, 103, 104, 105, 108, 109]);
    const reading = { disk, files: new OpenFiles(disk), folder };
    const track = (await mendBroadcast(reading, info.broadcast))?.tracks[0];
    expect(track?.segmentOf(109)).toMatchObject({ epoch: 2, pts: ticks(9 * VIDEO_TIMESCALE), ticks: ticks(VIDEO_TIMESCALE), key: true });
    expect(track?.duration).toBeCloseTo(millis(7000 + 1000 / 30), 3);
  });

  test('zeros where the last segments were, as a loss of power leaves them, are cut off', async () => {
    const disk = MemoryDisk.after(journal, journal.length);
    const path = `${folder}/video.2.mp4`;
    const content = disk.files.get(path)!;
    content.fill(0, content.indexOf(live.get(109)!));
    expect(await mended(disk)).toEqual([100, 101, 102, 103, 104, 105, 108]);
  });
});
