import { describe, expect, it } from 'vitest';

import type { Frame } from '#core/media/frame.ts';
import { wallTime, type WallTime } from '#core/media/time.ts';

import { encode, START } from '../timeline/testing/encoder.ts';
import { expectOrdered } from '../timeline/testing/expect.ts';
import { random } from '../timeline/testing/random.ts';
import { Recorder } from '../timeline/testing/recorder.ts';
import type { LedgerEntry } from './ledger.ts';
import { BroadcastNumbers } from './numbers.ts';

const scaleOf = (frame: Frame): number => (frame.track === 'video' ? 90_000 : 48_000);

describe('the numbers of a broadcast', () => {
  it('start at the unix second, and go on by one within the process', () => {
    const now = wallTime(START + 400);
    const numbers = BroadcastNumbers.fresh('show', now);
    const first = numbers.grant(1, now);
    expect(first).toMatchObject({ epoch: 0, firstGroup: START / 1000, floor: 0, startedAt: now });
    const recorder = run(numbers, 1, now, { seconds: 5 });
    const last = recorder.frames.at(-1)?.group ?? 0;
    expect(numbers.grant(1, wallTime(now + 20_000))).toMatchObject({ epoch: 1, firstGroup: last + 1 });
  });

  it('are granted again where an epoch was never begun', () => {
    const numbers = BroadcastNumbers.fresh('show', wallTime(START));
    expect([1, 2, 3].map((fence) => numbers.grant(fence, wallTime(START)).epoch)).toEqual([0, 0, 0]);
  });

  it('start anew at the unix second after a restart, above all that was reserved', () => {
    const numbers = BroadcastNumbers.fresh('show', wallTime(START));
    run(numbers, 1, wallTime(START), { seconds: 5 });
    const entry = numbers.entry(wallTime(START + 5000), true, undefined);
    const restored = BroadcastNumbers.restored(entry);
    expect(restored.grant(2, wallTime(START + 15_000))).toMatchObject({ epoch: 1, firstGroup: START / 1000 + 15, broadcast: numbers.broadcast });
    // The clock of the machine may have been set back.
    expect(restored.grant(2, wallTime(START - 3_600_000)).firstGroup).toBe(entry.groupFloor);
  });

  it('leave room for what another process may not know of, and none where nothing more is given out', () => {
    const numbers = BroadcastNumbers.fresh('show', wallTime(START));
    const last = run(numbers, 1, wallTime(START), { seconds: 5 }).frames.at(-1)?.group ?? NaN;
    const alive = wallTime(START + 5000);
    const entry = numbers.entry(alive, true, undefined, { shared: true });
    expect(entry.groupFloor).toBe(last + 1 + 2);
    expect(entry.mediaFloor).toBeGreaterThanOrEqual(7000);
    expect(entry.exact).toBeUndefined();
    const handed = numbers.entry(alive, false, undefined, { shared: true, final: true });
    expect(handed).toMatchObject({ exact: true, groupFloor: last + 1 });
    expect(BroadcastNumbers.restored(handed).grant(2, wallTime(START + 20_000))).toMatchObject({ epoch: 1, firstGroup: last + 1 });
    expect(BroadcastNumbers.restored(entry).grant(2, wallTime(START + 20_000)).firstGroup).toBe(START / 1000 + 20);
  });

  it.each(Array.from({ length: 40 }, (_, seed) => seed))('never come back through returns, restarts and kills, seed %s', (seed) => {
    const next = random(seed + 1);
    const given: Frame[] = [];
    let now = wallTime(START + next() * 1000);
    let numbers = BroadcastNumbers.fresh('show', now);
    let stored: LedgerEntry = numbers.entry(now, true, undefined);
    for (let step = 0; step < 8; step += 1) {
      const seconds = 0.5 + next() * 6;
      const options = {
        seconds,
        fps: [24_000 / 1001, 25, 30, 60_000 / 1001][Math.floor(next() * 4)] ?? 30,
        gop: [15, 60, 250][Math.floor(next() * 3)] ?? 60,
        bFrames: next() < 0.3 ? 2 : 0,
        clock: next() * 2 ** 32,
      };
      // What is on disk when the process is killed is up to a second old.
      const recorder = run(numbers, step + 1, now, options, (at, entry) => {
        stored = at <= now + (seconds - next()) * 1000 ? entry : stored;
      }, (entry) => {
        stored = entry;
      });
      given.push(...recorder.frames);
      now = wallTime(now + seconds * 1000 + 100);
      const fate = next();
      if (fate < 0.3) {
        stored = numbers.entry(now, false, undefined);
        numbers = BroadcastNumbers.restored(stored);
      } else if (fate < 0.7) {
        numbers = BroadcastNumbers.restored(stored);
      }
      // The wall clock may be set back by a little.
      now = wallTime(now + next() * (next() < 0.4 ? 500 : 20_000) - (next() < 0.4 ? 3000 : 0));
    }
    expectOrdered(given);
    for (const track of ['video', 'audio']) {
      const own = given.filter((frame) => frame.track === track);
      let latest = -1;
      const back = own.filter((frame, at) => {
        const begins = frame.epoch !== own[at - 1]?.epoch;
        const goesBack = begins && (frame.pts <= latest || frame.index !== 0 || frame.group <= (own[at - 1]?.group ?? -1));
        latest = Math.max(latest, frame.pts);
        return goesBack;
      });
      expect(back).toEqual([]);
    }
    expect(new Set(given.map((frame) => `${frame.track}/${frame.group}/${frame.index}`)).size).toBe(given.length);
  });
});

/** Lets a publisher send into a broadcast; `tick` sees the ledger's entry of every second. */
function run(
  numbers: BroadcastNumbers,
  fence: number,
  now: WallTime,
  options: Parameters<typeof encode>[0],
  tick: (at: WallTime, entry: LedgerEntry) => void = () => undefined,
  granted: (entry: LedgerEntry) => void = () => undefined,
): Recorder {
  const recorder = new Recorder({
    grant: (at) => {
      const grant = numbers.grant(fence, at);
      granted(numbers.entry(at, true, undefined));
      return grant;
    },
    note: (frame) => numbers.note(frame, scaleOf(frame)),
  });
  const samples = encode({ ...options, startedAt: now });
  let nextTick = now + 1000;
  for (const sample of samples) {
    while (sample.arrival > nextTick) {
      tick(wallTime(nextTick), numbers.entry(wallTime(nextTick), true, undefined));
      nextTick += 1000;
    }
    recorder.feed([sample]);
  }
  recorder.runTo(wallTime(recorder.now + 300));
  recorder.timeline.end();
  return recorder;
}
