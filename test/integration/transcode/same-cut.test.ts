import { afterEach, describe, expect, test } from 'vitest';

import { expectSameCut, expectTiled, lastPts } from './expectations.ts';
import { Harness } from './harness.ts';
import { makeSource, type SourceSpec } from './source.ts';

const LADDER = [
  { height: 180, bitrate: 300_000 },
  { height: 144, bitrate: 200_000 },
  { height: 96, bitrate: 100_000 },
];
const KEY_EVERY_SECOND = (frames: number): string[] => ['-g', String(frames), '-bf', '0', '-sc_threshold', '0'];
/** A new picture every 0.7 s: x264 answers with key frames of its own. */
const SCENES = "hue=H='floor(t/0.7)*2':b='if(mod(floor(t/0.7),2),3,-3)'";

type Case = { readonly name: string; readonly spec: SourceSpec };

const source = (name: string, spec: Partial<SourceSpec>): Case => ({
  name,
  spec: { rate: '30', seconds: 4, x264: KEY_EVERY_SECOND(30), grouping: 'source', ...spec },
});

const cases: readonly Case[] = [
  source('23.976 fps', { rate: '24000/1001', x264: KEY_EVERY_SECOND(24) }),
  source('25 fps', { rate: '25', x264: KEY_EVERY_SECOND(25) }),
  source('29.97 fps', { rate: '30000/1001' }),
  source('30 fps', {}),
  source('59.94 fps', { rate: '60000/1001', x264: KEY_EVERY_SECOND(60) }),
  source('60 fps', { rate: '60', x264: KEY_EVERY_SECOND(60) }),
  source('60 fps with an odd number of frames between key frames', { rate: '60', x264: KEY_EVERY_SECOND(67) }),
  source('scene cuts, key frames at any place', { x264: ['-g', '45', '-bf', '0', '-sc_threshold', '40'], picture: SCENES }),
  source('B-frames', { x264: ['-g', '30', '-bf', '2', '-sc_threshold', '0'] }),
  source('B-frames at 59.94 fps', { rate: '60000/1001', x264: ['-g', '61', '-bf', '3', '-b_strategy', '0', '-sc_threshold', '0'] }),
  source('a start far into the broadcast', { startsAt: 90_000 * 86_400 * 30 + 12_345 }),
  source('grid, one key frame in 8 s', { grouping: 'grid', seconds: 5, x264: KEY_EVERY_SECOND(240), startsAt: 900_000 + 41_111 }),
  source('grid at 59.94 fps', { grouping: 'grid', rate: '60000/1001', x264: KEY_EVERY_SECOND(480), startsAt: 900_000 + 77_777 }),
  source('grid at 23.976 fps with B-frames', { grouping: 'grid', rate: '24000/1001', x264: ['-g', '200', '-bf', '2'], startsAt: 123_457 }),
];

let harness: Harness | undefined;

afterEach(async () => {
  await harness?.close();
  harness = undefined;
});

describe('every rung begins every group on the source\'s first frame, with an IDR', () => {
  test.each(cases)('$name', async ({ spec }) => {
    const made = await makeSource(spec);
    harness = await Harness.start({ ladder: LADDER });
    await harness.begin(made);
    harness.write(made.frames);
    harness.announce('interrupted');
    await harness.reached(lastPts(made) - 9000);
    expect(harness.encoded.length).toBe(spec.grouping === 'grid' ? 3 : 2);
    for (const rendition of harness.encoded) {
      const frames = harness.outputs.get(rendition.track) ?? [];
      expectSameCut(made, frames);
      expect(frames[0]?.head?.config).toMatchObject({ codecString: rendition.config.codecString, frameDuration: rendition.config.frameDuration });
    }
  });
});

test('a rung of half the frame rate tiles its groups without a hole', async () => {
  const made = await makeSource({ rate: '60', seconds: 4, x264: KEY_EVERY_SECOND(67), grouping: 'source' });
  harness = await Harness.start({ ladder: LADDER });
  await harness.begin(made);
  harness.write(made.frames);
  harness.announce('interrupted');
  await harness.reached(lastPts(made) - 9000);
  const rates = harness.encoded.map(({ frameRate }) => frameRate);
  expect(rates).toEqual([60, 30]);
  const slow = harness.outputs.get(harness.encoded[1]!.track) ?? [];
  expectTiled(slow);
  expect(slow.length).toBeLessThan(made.frames.length * 0.55);
});

test('a source of varying rate is encoded to a constant one, with frames on the whole seconds', async () => {
  const made = await makeSource({ rate: '30', seconds: 4, x264: ['-g', '300', '-bf', '0'], grouping: 'grid', picture: "select='gt(random(1),0.4)'", variable: true, startsAt: 900_000 + 31_234 });
  harness = await Harness.start({ ladder: LADDER });
  await harness.begin(made);
  harness.write(made.frames);
  harness.announce('interrupted');
  await harness.reached(lastPts(made) - 18_000);
  for (const { track } of harness.encoded) {
    const frames = harness.outputs.get(track) ?? [];
    expectTiled(frames);
    const starts = frames.filter(({ index }) => index === 0);
    expect(starts.length).toBeGreaterThanOrEqual(4);
    expect(starts.slice(1).every(({ pts, key }) => key && pts % 90_000 === 0)).toBe(true);
    expect(frames.every(({ duration }) => duration === 3000)).toBe(true);
  }
});
