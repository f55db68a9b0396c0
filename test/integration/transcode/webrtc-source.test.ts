import { execFile } from 'node:child_process';

import { afterEach, describe, expect, test } from 'vitest';

import type { SourceCatalog } from '#core/bus/catalog.ts';
import type { Frame } from '#core/media/frame.ts';
import { gridGroup, type Grouping } from '#core/media/grouping.ts';
import { ticks, VIDEO_TIMESCALE, wallTime } from '#core/media/time.ts';
import { configIdOf, trackName, type VideoConfig } from '#core/media/track.ts';
import { expectTiled } from './expectations.ts';
import { byGroup, Harness } from './harness.ts';
import { BROADCAST, FIRST_WALL_TIME, makeSource, type MadeSource } from './source.ts';

const LADDER = [
  { height: 180, bitrate: 300_000 },
  { height: 96, bitrate: 100_000 },
];
const FIRST_GROUP = 1_700_000_000;
const GRID = { mode: 'grid', firstGroup: FIRST_GROUP, firstSecond: 10 } satisfies Grouping;
const BEGIN = 10 * VIDEO_TIMESCALE;

/** One access unit of a source that WebRTC brought. */
type Unit = { readonly pts: number; readonly key: boolean; readonly data: Uint8Array; readonly config: VideoConfig };

let harness: Harness | undefined;

afterEach(async () => {
  await harness?.close();
  harness = undefined;
});

/** Gives units groups on the grid of seconds, as ingest does for a source whose key frames come at any time. */
function sourceOf(units: readonly Unit[]): MadeSource {
  let group = -1;
  let index = 0;
  const frames = units.map(({ pts, key, data, config }, at): Frame => {
    const own = gridGroup(GRID, ticks(pts), VIDEO_TIMESCALE);
    index = own === group ? index + 1 : 0;
    group = own;
    const isNew = index === 0 || configIdOf(config) !== configIdOf(units[at - 1]?.config ?? config);
    return {
      broadcast: BROADCAST,
      epoch: 0,
      fence: 1,
      track: trackName('video'),
      group,
      index,
      pts: ticks(pts),
      dts: ticks(pts),
      duration: ticks((units[at + 1]?.pts ?? pts + 3000) - pts),
      key,
      config: configIdOf(config),
      data,
      ...(isNew ? { head: { config, wallTime: wallTime(FIRST_WALL_TIME + pts / 90) } } : {}),
    };
  });
  const catalog: SourceCatalog = {
    stream: 'test',
    broadcast: BROADCAST,
    epoch: 0,
    fence: 1,
    protocol: 'whip',
    grouping: GRID,
    tracks: [{ name: trackName('video'), config: units[0]!.config, bitrate: 500_000, video: { frameRate: 30, variableFrameRate: true, bFrames: false } }],
  };
  return { catalog, frames };
}

/** Access units of a codec by ffmpeg, from IVF: a header of 32 bytes, then frames each after 12 bytes of size and pts. */
async function encoded(codec: 'vp8' | 'vp9' | 'av1', options: readonly string[]): Promise<Unit[]> {
  const args = ['-nostdin', '-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=s=320x180:r=30', '-t', '4', ...options, '-pix_fmt', 'yuv420p', '-f', 'ivf', 'pipe:1'];
  const bytes = await new Promise<Buffer>((resolve, reject) => {
    execFile('ffmpeg', args, { encoding: 'buffer', maxBuffer: 64 * 1024 * 1024 }, (thrown, stdout) => (thrown === null ? resolve(stdout) : reject(thrown)));
  });
  const config: VideoConfig = { kind: 'video', codec, codecString: codec, description: new Uint8Array(), width: 320, height: 180, timescale: VIDEO_TIMESCALE, frameDuration: 0, reordered: false };
  const units: Unit[] = [];
  for (let at = 32; at + 12 <= bytes.length; ) {
    const size = bytes.readUInt32LE(at);
    const frame = bytes.subarray(at + 12, at + 12 + size);
    // A temporal delimiter is an OBU of type 2 without a payload: 12 00.
    const data = codec === 'av1' && frame[0] === 0x12 ? frame.subarray(2) : frame;
    const key = codec === 'vp8' ? ((data[0] ?? 1) & 1) === 0 : units.length === 0;
    units.push({ pts: BEGIN + units.length * 3000, key, data: Uint8Array.from(data), config });
    at += 12 + size;
  }
  return units;
}

/** H.264 whose size changes at key frames that begin no group. */
async function resized(sizes: readonly string[]): Promise<Unit[]> {
  const units: Unit[] = [];
  for (const size of sizes) {
    const made = await makeSource({ rate: '30', seconds: 1.5, size, x264: ['-g', '300', '-bf', '0', '-sc_threshold', '0'], grouping: 'grid', variable: true });
    const config = made.frames[0]!.head!.config as VideoConfig;
    made.frames.forEach(({ key, data }) => units.push({ pts: BEGIN + units.length * 3000, key, data, config }));
  }
  return units;
}

/** Every second of the source is there in every quality, whole, on the grid. */
function expectWhole(frames: readonly Frame[], seconds: number): void {
  expectTiled(frames);
  const groups = byGroup(frames);
  for (let n = 0; n < seconds; n += 1) {
    expect(groups.get(FIRST_GROUP + n)?.[0]).toMatchObject({ index: 0, key: true, pts: BEGIN + n * VIDEO_TIMESCALE });
    expect(groups.get(FIRST_GROUP + n)).toHaveLength(30);
  }
  expect(new Set(frames.flatMap(({ head }) => (head?.config.kind === 'video' ? [`${head.config.width}x${head.config.height}`] : []))).size).toBe(1);
}

async function expectLadder(units: readonly Unit[], seconds: number): Promise<void> {
  const made = sourceOf(units);
  harness = await Harness.start({ ladder: LADDER });
  await harness.begin(made);
  harness.write(made.frames);
  harness.announce('interrupted');
  await harness.reached(BEGIN + seconds * VIDEO_TIMESCALE - 3000);
  expect(harness.encoded.map(({ track }) => track)).toEqual(['v180', 'v96']);
  for (const { track } of harness.encoded) {
    expectWhole(harness.outputs.get(track) ?? [], seconds);
  }
}

describe('a source that came over WebRTC is encoded for HLS', () => {
  test.each([
    ['vp8', ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-g', '400', '-lag-in-frames', '0', '-auto-alt-ref', '0']],
    ['vp9', ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-g', '400', '-lag-in-frames', '0']],
    ['av1', ['-c:v', 'libsvtav1', '-preset', '12', '-g', '400', '-svtav1-params', 'pred-struct=1']],
  ] as const)('in %s', async (codec, options) => {
    await expectLadder(await encoded(codec, options), 4);
  });

  test('in H.264 whose size changes in mid-stream: rungs keep theirs, and no picture is lost', async () => {
    await expectLadder(await resized(['320x180', '160x90', '240x134', '320x180']), 6);
  });
});
