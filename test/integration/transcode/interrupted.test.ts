import { afterEach, expect, test } from 'vitest';

import type { Frame } from '#core/media/frame.ts';
import { trackName } from '#core/media/track.ts';
import { expectSameCut, expectTiled, lastPts } from './expectations.ts';
import { Harness, isAlive } from './harness.ts';
import { secondsOf, withSound } from './sound.ts';
import { makeSource, type MadeSource } from './source.ts';

const LADDER = [{ height: 96, bitrate: 100_000 }];
const OPUS = trackName('opus');

let harness: Harness | undefined;

afterEach(async () => {
  await harness?.close();
  harness = undefined;
});

async function source(): Promise<MadeSource> {
  const picture = await makeSource({ rate: '30', seconds: 6, x264: ['-g', '40', '-bf', '2', '-sc_threshold', '0'], grouping: 'source' });
  return withSound(picture, { codec: 'aac', rate: 44_100 });
}

function picturesOf(frames: readonly Frame[]): readonly number[] {
  return frames.filter(({ track }) => track === trackName('video')).map(({ pts }) => pts);
}

function expectWhole(made: MadeSource): void {
  expectSameCut({ ...made, frames: made.frames.filter(({ track }) => track === trackName('video')) }, harness?.outputs.get(trackName('v96')) ?? []);
  expectTiled(harness?.outputs.get(OPUS) ?? []);
}

test('a broadcast that is said to be interrupted, and whose frames come all the same, is encoded on by the same ffmpegs', async () => {
  const made = await source();
  harness = await Harness.start({ ladder: LADDER, webrtcRenditions: 'on' });
  await harness.begin(made);
  const writing = harness.pace(made.frames, 2);
  await harness.gave(OPUS, 11 * 48_000);
  const { encoders } = harness.stage;
  harness.announce('interrupted');
  await harness.gave(OPUS, 14 * 48_000);
  expect(harness.stage.encoders).toEqual(encoders);
  harness.announce('live');
  await writing;
  harness.announce('interrupted');
  await harness.reached(lastPts(made) - 3000);
  expectWhole(made);
  await expect.poll(() => encoders.some(isAlive)).toBe(false);
});

test('a broadcast that is silent, and goes on in the same epoch, goes on with the next index, to the sample', async () => {
  const made = await source();
  // Where no B-frame is still to come: what was shown cannot be shown after it.
  const at = made.frames.findIndex((frame, place) => secondsOf(frame) > 12.5 && frame.pts > Math.max(...picturesOf(made.frames.slice(0, place))) && frame.track === trackName('video'));
  harness = await Harness.start({ ladder: LADDER, webrtcRenditions: 'on' });
  await harness.begin(made);
  harness.write(made.frames.slice(0, at));
  harness.announce('interrupted');
  await harness.reached(Math.max(...picturesOf(made.frames.slice(0, at))) - 9000);
  await expect.poll(() => harness?.stage.encoders).toEqual([]);
  harness.announce('live');
  harness.write(made.frames.slice(at));
  harness.announce('interrupted');
  await harness.reached(lastPts(made) - 3000);
  expectWhole(made);
});
