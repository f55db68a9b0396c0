import { afterEach, describe, expect, test } from 'vitest';

import type { Frame } from '#core/media/frame.ts';
import { lastPts } from './expectations.ts';
import { Harness } from './harness.ts';
import { makeSource, type MadeSource, type SourceSpec } from './source.ts';

const LADDER = [
  { height: 144, bitrate: 200_000 },
  { height: 96, bitrate: 100_000 },
];

let harness: Harness | undefined;

afterEach(async () => {
  await harness?.close();
  harness = undefined;
});

/** A message on every seventh frame in decoding order, three at once on some, and one on the very first and the last. */
function told(made: MadeSource): MadeSource {
  const frames = made.frames.map((frame, at): Frame => {
    const count = at === made.frames.length - 1 ? 1 : at % 7 !== 0 ? 0 : at % 21 === 0 ? 3 : 1;
    const events = Array.from({ length: count }, (_, n) => ({ id: (at * 4 + n).toString(16).padStart(32, '0'), type: 'test', pts: frame.pts, data: JSON.stringify({ at, n }) }));
    return count === 0 ? frame : { ...frame, events };
  });
  return { ...made, frames };
}

/** Each message of the source is on the one frame that is shown at its pts, and as it was sent. */
function expectEveryMessage(made: MadeSource, frames: readonly Frame[]): void {
  const sent = made.frames.flatMap(({ events = [] }) => events).sort((a, b) => a.pts - b.pts);
  const got = frames.flatMap(({ events = [] }) => events);
  expect(got).toEqual(sent);
  for (const { pts, duration, events = [] } of frames) {
    for (const event of events) {
      expect(event.pts).toBeGreaterThanOrEqual(pts);
      expect(event.pts).toBeLessThan(pts + duration);
    }
  }
}

/** Waits until every encoded rung is beyond the last message. */
async function finished(made: MadeSource): Promise<void> {
  const end = Math.max(...made.frames.flatMap(({ events = [] }) => events.map(({ pts }) => pts)));
  const shows = (frame: Frame | undefined): boolean => frame !== undefined && frame.pts + frame.duration > end;
  await expect.poll(() => harness?.encoded.length !== 0 && harness?.encoded.every(({ track }) => shows(harness?.outputs.get(track)?.at(-1))), { interval: 20 }).toBe(true);
}

const sources: readonly { readonly name: string; readonly spec: SourceSpec }[] = [
  { name: 'key frames every second', spec: { rate: '30', seconds: 4, x264: ['-g', '30', '-bf', '0', '-sc_threshold', '0'], grouping: 'source' } },
  { name: 'B-frames, a rung of half the rate', spec: { rate: '60000/1001', seconds: 4, x264: ['-g', '75', '-bf', '3', '-b_strategy', '0', '-sc_threshold', '0'], grouping: 'source' } },
  { name: 'the grid, one key frame in 8 s', spec: { rate: '30000/1001', seconds: 4, x264: ['-g', '240', '-bf', '2', '-sc_threshold', '0'], grouping: 'grid', startsAt: 999_999 } },
];

describe('every rung carries every message of the source on the frame that is shown at its time', () => {
  test.each(sources)('$name', async ({ spec }) => {
    const made = told(await makeSource(spec));
    harness = await Harness.start({ ladder: LADDER });
    await harness.begin(made);
    harness.write(made.frames);
    harness.announce('interrupted');
    await finished(made);
    expect(harness.encoded.length).toBeGreaterThan(1);
    for (const { track } of harness.encoded) {
      expectEveryMessage(made, harness.outputs.get(track) ?? []);
    }
  });

  test.each(sources)('though ffmpeg is killed in the middle: $name', async ({ spec }) => {
    const made = told(await makeSource({ ...spec, seconds: 5 }));
    harness = await Harness.start({ ladder: LADDER });
    await harness.begin(made);
    const writing = harness.pace(made.frames, 2);
    await harness.reached((made.frames[0]?.pts ?? 0) + 200_000);
    process.kill(harness.pid, 'SIGKILL');
    await writing;
    harness.announce('interrupted');
    await finished(made);
    for (const { track } of harness.encoded) {
      expectEveryMessage(made, harness.outputs.get(track) ?? []);
    }
    await expect.poll(() => harness?.health?.restarts).toBe(1);
  });
});

test('a source of varying rate: a message is on the frame of its time or the one beside it, once', async () => {
  const made = told(await makeSource({ rate: '30', seconds: 4, x264: ['-g', '300', '-bf', '0'], grouping: 'grid', picture: "select='gt(random(1),0.4)'", variable: true, startsAt: 900_000 + 31_234 }));
  harness = await Harness.start({ ladder: LADDER });
  await harness.begin(made);
  harness.write(made.frames);
  harness.announce('interrupted');
  await harness.reached(lastPts(made) - 18_000);
  for (const { track } of harness.encoded) {
    const frames = harness.outputs.get(track) ?? [];
    const end = (frames.at(-1)?.pts ?? 0) + 3000;
    const sent = made.frames.flatMap(({ events = [] }) => events).filter(({ pts }) => pts < end);
    expect(frames.flatMap(({ events = [] }) => events.map(({ id }) => id)).filter((id) => sent.some((event) => event.id === id))).toEqual(sent.map(({ id }) => id));
    for (const { pts, events = [] } of frames) {
      expect(events.every((event) => event.pts > pts - 3000 && event.pts < pts + 3000)).toBe(true);
    }
  }
});

test('messages of an epoch stay in it, and those of the next begin with it', async () => {
  const x264 = ['-g', '30', '-bf', '2', '-sc_threshold', '0'];
  const first = told(await makeSource({ rate: '30', seconds: 2, x264, grouping: 'source' }));
  const second = told(await makeSource({ rate: '30', seconds: 2, x264, grouping: 'source', startsAt: lastPts(first) + 90_000, firstGroup: 1_700_000_010 }, 1));
  harness = await Harness.start({ ladder: LADDER });
  await harness.begin(first);
  harness.write(first.frames);
  await harness.begin(second);
  harness.write(second.frames);
  harness.announce('interrupted', 1);
  await finished(second);
  for (const { track } of harness.encoded) {
    const frames = harness.outputs.get(track) ?? [];
    expectEveryMessage(first, frames.filter(({ epoch }) => epoch === 0));
    expectEveryMessage(second, frames.filter(({ epoch }) => epoch === 1));
  }
});
