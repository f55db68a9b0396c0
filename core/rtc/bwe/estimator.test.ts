import { describe, expect, it } from 'vitest';

import type { LinkConditions } from './testing/link.ts';
import { SimulatedViewer, type ViewerOptions } from './testing/viewer.ts';

const LADDER = [350e3, 900e3, 2e6];
const SEEDS = [1, 2, 3, 4, 5];

function viewer(options: Partial<ViewerOptions>, conditions: Partial<LinkConditions>): SimulatedViewer {
  const made = new SimulatedViewer({ rungs: LADDER, ...options });
  made.set(conditions);
  return made;
}

/** A drop-tail queue of so many milliseconds. */
function line(capacity: number, queueMillis = 250): Partial<LinkConditions> {
  return { capacity, queueBytes: (capacity * queueMillis) / 8000 };
}

const least = (values: readonly number[]): number => Math.min(...values);
const most = (values: readonly number[]): number => Math.max(...values);

/** Paths that carry the top rung: it is reached, and kept. */
const ample: readonly { name: string; conditions: Partial<LinkConditions>; options?: Partial<ViewerOptions>; within: number }[] = [
  { name: 'a good line', conditions: { delay: 10 }, within: 2000 },
  { name: 'a line of twice the rate', conditions: { ...line(4e6), delay: 10 }, within: 2000 },
  { name: 'a line of 1.5 times the rate with a deep buffer', conditions: { ...line(3e6, 2000), delay: 20 }, within: 5000 },
  { name: 'a satellite', conditions: { ...line(6e6), delay: 300 }, within: 6000 },
  { name: '5 % of random loss and 60 ms of round trip', conditions: { ...line(10e6), delay: 30, loss: 0.05 }, within: 3000 },
  { name: 'stalls of 40 ms', conditions: { ...line(4e6), delay: 10, stall: 40 }, within: 3000 },
  { name: 'sequence numbers about to wrap', conditions: { delay: 10 }, options: { firstSequence: 65_500 }, within: 2000 },
  { name: 'a tenth of the feedback lost', conditions: { delay: 20 }, options: { feedbackLoss: 0.1 }, within: 5000 },
  { name: 'feedback out of order', conditions: { delay: 20 }, options: { feedbackReordered: true }, within: 4000 },
  { name: 'feedback every 250 ms', conditions: { delay: 20 }, options: { feedbackInterval: 250 }, within: 4000 },
];

describe('a path that carries the top rung', () => {
  it.each(ample)('lets it be reached and kept: $name', ({ conditions, options, within }) => {
    for (const seed of SEEDS) {
      const { samples, now } = viewer({ seed, ...options }, conditions).run(40_000);
      const reached = samples.find(({ rung }) => rung === 2)?.at ?? Number.POSITIVE_INFINITY;
      expect(reached).toBeLessThanOrEqual(within);
      expect(least(samples.filter(({ at }) => at > reached).map(({ estimate }) => estimate))).toBeGreaterThan(2.2e6);
      // Nobody has ever shown that more than this gets through.
      expect(most(samples.map(({ estimate }) => estimate))).toBeLessThan(5e6);
      expect(now).toBe(40_000);
    }
  });

  it('does so with 30 ms of jitter, but for a moment at the start', () => {
    for (const seed of SEEDS) {
      const made = viewer({ seed }, { ...line(10e6), delay: 30, jitter: 30 }).run(60_000);
      expect(made.since(0, ({ rung }) => rung === 2)).toBeLessThan(6000);
      const later = made.last(45_000);
      expect(later.filter(({ rung }) => rung < 2).length / later.length).toBeLessThan(0.05);
    }
  });

  it('is not lost to 15 % of random loss for long: loss that stays when less is sent is the path\'s own', () => {
    for (const seed of SEEDS) {
      const made = viewer({ seed }, { ...line(10e6), delay: 30, loss: 0.15 }).run(60_000);
      expect(made.rung).toBe(2);
    }
  });

  it('is kept when somebody else fills the line for half a second', () => {
    for (const seed of SEEDS) {
      const made = viewer({ seed }, { ...line(5e6), delay: 20 }).run(10_000);
      made.set({ competing: 3.5e6 });
      made.run(500);
      made.set({ competing: 0 });
      made.run(8000);
      expect(made.rung).toBe(2);
      expect(least(made.last(8500).map(({ rung }) => rung))).toBeGreaterThanOrEqual(1);
    }
  });
});

describe('a cap from 4 to 0.8 Mbit/s', () => {
  const ladders = [LADDER, [350e3, 2e6]];
  const queues = [{ name: 'a queue of 250 ms', millis: 250 }, { name: 'a deep buffer', millis: 3000 }, { name: 'hardly a queue', millis: 40 }];

  it.each(queues)('is seen within 1.5 s, kept to, and forgotten within 8 s of its end: $name', ({ millis }) => {
    for (const rungs of ladders) {
      for (const seed of SEEDS) {
        const top = rungs.length - 1;
        const made = viewer({ seed, rungs }, { ...line(4e6, millis), delay: 10 }).run(10_000);
        expect(made.rung).toBe(top);
        made.set(line(0.8e6, millis));
        made.run(20_000);
        expect(made.since(10_000, ({ estimate }) => estimate < 0.8e6)).toBeLessThan(1500);
        expect(made.since(10_000, ({ rung }) => rung === 0)).toBeLessThan(3000);
        expect(most(made.last(15_000).map(({ estimate }) => estimate))).toBeLessThan(1.1e6);
        made.set(line(4e6, millis));
        made.run(15_000);
        expect(made.since(30_000, ({ rung }) => rung === top)).toBeLessThan(10_000);
      }
    }
  });

  it('is seen while the viewer stays on a rung that is too high', () => {
    for (const seed of SEEDS) {
      const made = viewer({ seed, fixedRung: 2 }, { ...line(4e6), delay: 10 }).run(5000);
      made.set(line(0.8e6));
      made.run(10_000);
      expect(made.since(5000, ({ estimate }) => estimate < 0.8e6)).toBeLessThan(1500);
      expect(most(made.last(8000).map(({ estimate }) => estimate))).toBeLessThan(0.85e6);
    }
  });

  it('costs the picture some 150 ms at most when a probe fails', () => {
    for (const seed of SEEDS) {
      const made = viewer({ seed, rungs: [350e3, 2e6] }, { ...line(0.8e6, 3000), delay: 10 }).run(60_000);
      expect(made.rung).toBe(0);
      expect(made.estimator.probes.sent).toBeLessThan(18);
      const queues = made.last(50_000).map(({ queue }) => queue);
      expect(most(queues)).toBeLessThan(180);
      expect(queues.filter((queue) => queue > 100).length / queues.length).toBeLessThan(0.02);
    }
  });
});

describe('an application that sends little', () => {
  it('neither grows the estimate without bound nor lets it fall', () => {
    for (const seed of SEEDS) {
      const made = viewer({ seed, fixedRung: 0, rungs: [350e3], initial: 1.5e6 }, { ...line(50e6), delay: 10 }).run(120_000);
      const estimates = made.samples.map(({ estimate }) => estimate);
      expect(least(estimates)).toBe(1.5e6);
      expect(most(estimates)).toBe(1.5e6);
    }
  });

  it('is not probed for when it has no use for more', () => {
    const made = viewer({ fixedRung: 0, rungs: [350e3] }, { delay: 10 }).run(30_000);
    expect(made.estimator.probes.sent).toBe(0);
  });
});

describe('a policer', () => {
  it('is found out by a probe that lasts, though its bucket lets a train pass', () => {
    for (const seed of SEEDS) {
      const made = viewer({ seed, rungs: [350e3, 2e6] }, { capacity: 0.8e6, queueBytes: 5000, bucketBytes: 32_000, delay: 20 }).run(40_000);
      const later = made.last(30_000);
      expect(later.filter(({ rung }) => rung > 0).length / later.length).toBeLessThan(0.1);
    }
  });
});

describe('silence', () => {
  it('lowers the estimate step by step, and the way up is open again once feedback returns', () => {
    const made = viewer({}, { delay: 10 }).run(10_000);
    const before = made.estimator.estimate;
    made.set({ loss: 1 });
    made.run(1000);
    expect(made.estimator.estimate).toBe(before);
    made.run(2000);
    expect(made.estimator.estimate).toBeLessThan(before * 0.5);
    made.set({ loss: 0 });
    made.run(8000);
    expect(made.rung).toBe(2);
  });
});

describe('another path', () => {
  it('begins with half of what the old one carried, and with probing', () => {
    const made = viewer({}, { delay: 10 }).run(10_000);
    const before = made.estimator.estimate;
    made.estimator.reset(made.now);
    expect(made.estimator.estimate).toBe(before / 2);
    expect(made.estimator.limitedBy).toBe('start');
    made.set({ delay: 80 });
    made.run(5000);
    expect(made.rung).toBe(2);
  });

  it('of higher delay, not told of, is no congestion for long', () => {
    const made = viewer({}, { ...line(10e6), delay: 10 }).run(10_000);
    made.set({ delay: 90 });
    made.run(20_000);
    expect(made.rung).toBe(2);
  });
});
