import { pino } from 'pino';
import { expect, test } from 'vitest';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import type { Frame } from '#core/media/frame.ts';
import { millis, systemClock } from '#core/media/time.ts';
import { trackName } from '#core/media/track.ts';
import { planLadder } from '#transcode/plan/plan.ts';
import { EpochEncode } from '#transcode/supervisor/epoch.ts';
import { expectSameCut, expectTiled, lastPts } from './expectations.ts';
import { BROADCAST, makeSource, type SourceSpec } from './source.ts';

const LADDER = [
  { height: 144, bitrate: 200_000 },
  { height: 96, bitrate: 100_000 },
];
const KEPT = trackName('v96');
const SHED = trackName('v144');

const cases: readonly { readonly name: string; readonly spec: SourceSpec }[] = [
  { name: 'groups of the source', spec: { rate: '30', seconds: 6, x264: ['-g', '30', '-bf', '0', '-sc_threshold', '0'], grouping: 'source' } },
  { name: 'B-frames at 60 fps', spec: { rate: '60', seconds: 6, x264: ['-g', '65', '-bf', '2', '-sc_threshold', '0'], grouping: 'source' } },
  { name: 'the grid with long GOPs', spec: { rate: '30000/1001', seconds: 6, x264: ['-g', '240', '-bf', '0', '-sc_threshold', '0'], grouping: 'grid', startsAt: 955_555 } },
];

test.each(cases)('a rung that is shed and comes back does so at a group, and the other rung misses nothing: $name', async ({ spec }) => {
  const made = await makeSource(spec);
  const bus = createLocalBus();
  const full = planLadder({ source: made.catalog, ladder: LADDER, budget: 1000 }).encode;
  const reduced = planLadder({ source: made.catalog, ladder: LADDER, budget: 1000, shed: [SHED] }).encode;
  const faults: unknown[] = [];
  const epoch = new EpochEncode(
    {
      source: made.catalog,
      fence: 1,
      clock: systemClock,
      log: pino({ level: 'silent' }),
      settings: () => ({ ffmpegPath: 'ffmpeg', encoder: 'x264', preset: 'veryfast', threads: 2 }),
      producer: (track) => bus.produce(BROADCAST, track, { fence: 1 }),
      onFault: (_run, exit) => faults.push(exit),
      onFenced: (thrown) => faults.push(thrown),
    },
    full,
    Promise.resolve(),
  );
  const kept = bus.consume(BROADCAST, KEPT, { maxFrames: 10_000 });
  const shed = bus.consume(BROADCAST, SHED, { maxFrames: 10_000 });
  const third = Math.floor(made.frames.length / 3);
  made.frames.slice(0, third).forEach((frame) => epoch.feed(frame));
  epoch.change(reduced);
  made.frames.slice(third, 2 * third).forEach((frame) => epoch.feed(frame));
  epoch.change(full);
  made.frames.slice(2 * third).forEach((frame) => epoch.feed(frame));
  await expect.poll(() => (epoch.run?.lastOut ?? 0) >= lastPts(made) - 9000).toBe(true);
  await epoch.finish();
  const [keptFrames, shedFrames] = [drain(kept), drain(shed)];
  expect(faults).toEqual([]);
  expectSameCut(made, keptFrames);
  const groups = [...new Set(shedFrames.map(({ group }) => group))];
  const all = [...new Set(keptFrames.map(({ group }) => group))];
  expect(groups.length).toBeGreaterThan(1);
  expect(groups.length).toBeLessThan(all.length);
  // On both sides of its absence the rung's groups are whole.
  const hole = shedFrames.findIndex((frame, at) => at > 0 && frame.group > (shedFrames[at - 1]?.group ?? 0) + 1);
  expectTiled(shedFrames.slice(0, hole));
  expectTiled(shedFrames.slice(hole));
  expect(millis(epoch.lag)).toBeLessThan(1000);
  await bus.close();
});

function drain(consumer: { tryNext(): Frame | undefined }): Frame[] {
  const frames: Frame[] = [];
  for (let frame = consumer.tryNext(); frame !== undefined; frame = consumer.tryNext()) {
    frames.push(frame);
  }
  return frames;
}
