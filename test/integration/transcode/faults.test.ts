import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, describe, expect, test } from 'vitest';

import { expectSameCut, lastPts } from './expectations.ts';
import { Harness, isAlive } from './harness.ts';
import { makeSource, type SourceSpec } from './source.ts';

const LADDER = [
  { height: 144, bitrate: 200_000 },
  { height: 96, bitrate: 100_000 },
];

let harness: Harness | undefined;

afterEach(async () => {
  await harness?.close();
  harness = undefined;
});

const killed: readonly { readonly name: string; readonly spec: SourceSpec }[] = [
  { name: 'key frames every second', spec: { rate: '30', seconds: 5, x264: ['-g', '30', '-bf', '0', '-sc_threshold', '0'], grouping: 'source' } },
  { name: '59.94 fps with B-frames', spec: { rate: '60000/1001', seconds: 5, x264: ['-g', '75', '-bf', '2', '-sc_threshold', '0'], grouping: 'source' } },
  { name: 'the grid, one key frame in 8 s', spec: { rate: '30000/1001', seconds: 5, x264: ['-g', '240', '-bf', '0', '-sc_threshold', '0'], grouping: 'grid', startsAt: 999_999 } },
];

describe('after ffmpeg is killed every rung goes on without a hole, a double or another cut', () => {
  test.each(killed)('$name', async ({ spec }) => {
    const made = await makeSource(spec);
    harness = await Harness.start({ ladder: LADDER });
    await harness.begin(made);
    const writing = harness.pace(made.frames, 2);
    await harness.reached((made.frames[0]?.pts ?? 0) + 220_000);
    const before = harness.pid;
    process.kill(before, 'SIGKILL');
    await writing;
    harness.announce('interrupted');
    await harness.reached(lastPts(made) - 9000);
    for (const { track } of harness.encoded) {
      expectSameCut(made, harness.outputs.get(track) ?? []);
    }
    expect(isAlive(before)).toBe(false);
    await expect.poll(() => harness?.health?.restarts).toBe(1);
  });
});

test('an ffmpeg that is fed and stays silent is ended after 3 s, and what it missed is made up for', async () => {
  const made = await makeSource({ rate: '30', seconds: 7, x264: ['-g', '30', '-bf', '0', '-sc_threshold', '0'], grouping: 'source' });
  harness = await Harness.start({ ladder: LADDER });
  await harness.begin(made);
  const writing = harness.pace(made.frames, 1);
  await harness.reached((made.frames[0]?.pts ?? 0) + 90_000);
  const stopped = harness.pid;
  process.kill(stopped, 'SIGSTOP');
  await writing;
  harness.announce('interrupted');
  await harness.reached(lastPts(made) - 9000);
  expect(isAlive(stopped)).toBe(false);
  for (const { track } of harness.encoded) {
    expectSameCut(made, harness.outputs.get(track) ?? []);
  }
});

test('a publisher that returns gets the same ladder in the next epoch, in order after the first', async () => {
  const x264 = ['-g', '30', '-bf', '2', '-sc_threshold', '0'];
  const first = await makeSource({ rate: '30', seconds: 2, x264, grouping: 'source' });
  const second = await makeSource({ rate: '30', seconds: 2, x264, grouping: 'source', startsAt: lastPts(first) + 90_000, firstGroup: 1_700_000_010 }, 1);
  harness = await Harness.start({ ladder: LADDER });
  await harness.begin(first);
  harness.write(first.frames);
  await harness.begin(second);
  harness.write(second.frames);
  harness.announce('interrupted', 1);
  await harness.reached(lastPts(second) - 9000);
  for (const { track } of harness.encoded) {
    const frames = harness.outputs.get(track) ?? [];
    expectSameCut(first, frames.filter(({ epoch }) => epoch === 0));
    expectSameCut(second, frames.filter(({ epoch }) => epoch === 1));
  }
  expect(harness.ladders.map(({ renditions }) => renditions.map(({ track }) => track))).toEqual([
    ['video', 'v144', 'v96'],
    ['video', 'v144', 'v96'],
  ]);
});

test('no ffmpeg outlives its broadcast, nor the stage', async () => {
  const made = await makeSource({ rate: '30', seconds: 2, x264: ['-g', '30', '-bf', '0'], grouping: 'source' });
  harness = await Harness.start({ ladder: LADDER });
  await harness.begin(made);
  harness.write(made.frames);
  await harness.reached(lastPts(made) - 9000);
  const ended = harness.pid;
  harness.announce('ended');
  await expect.poll(() => isAlive(ended)).toBe(false);
  expect(harness.stage.encoders).toEqual([]);
  expect(harness.stage.capacity.used).toBe(0);
});

test('an encoder that falls behind goes without its costliest rung', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-slow-'));
  const slow = join(folder, 'ffmpeg');
  // Reads at half speed what begins at pts 0.
  await writeFile(slow, '#!/bin/sh\ncase "$*" in *pipe:0*) exec ffmpeg -readrate 0.5 "$@" ;; *) exec ffmpeg "$@" ;; esac\n');
  await chmod(slow, 0o755);
  const made = await makeSource({ rate: '30', seconds: 10, x264: ['-g', '30', '-bf', '0', '-sc_threshold', '0'], grouping: 'source', startsAt: 0 });
  harness = await Harness.start({ ladder: LADDER, ffmpegPath: slow });
  await harness.begin(made);
  const writing = harness.pace(made.frames, 1);
  await expect.poll(() => harness?.ladders.at(-1)?.revision).toBe(2);
  expect(harness.ladders.at(-1)?.renditions.map(({ track }) => track)).toEqual(['video', 'v96']);
  expect(harness.ladders.at(-1)?.omitted.map(({ label }) => label)).toContain('144p');
  expect(harness.ladders.at(-1)?.partTarget).toBe(harness.ladders[0]?.partTarget);
  await expect.poll(() => harness?.health?.warnings.map(({ code }) => code)).toContain('transcode/falling-behind');
  await writing;
  await rm(folder, { recursive: true });
});
