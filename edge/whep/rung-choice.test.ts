import { describe, expect, it } from 'vitest';

import { millis } from '#core/media/time.ts';

import { demandAbove, RungChoice, type ChoiceInput } from './rung-choice.ts';

const M = 1_000_000;
const need = (bits: number): { planned: number; actual: number } => ({ planned: bits, actual: bits });
const rungs = [need(4 * M), need(1.5 * M), need(0.6 * M)];

/** A viewer who follows every choice at once, asked every 200 ms. */
function simulate(choice: RungChoice, start: number | undefined = undefined) {
  let now = 0;
  let current = start;
  return {
    get current() {
      return current;
    },
    /** What was chosen, when. */
    run(seconds: number, input: Partial<ChoiceInput>): string[] {
      const chosen: string[] = [];
      for (const end = now + seconds * 1000; now < end; now += 200) {
        const to = choice.choose({ now: millis(now), rungs, current, sent: current, estimate: 10 * M, queueDelay: millis(0), ...input });
        if (to !== undefined) {
          chosen.push(`${to.index} ${to.manner} ${(now / 1000).toFixed(1)}`);
          current = to.index;
        }
      }
      return chosen;
    },
  };
}

describe('the choice of a rung', () => {
  it.each([
    { estimate: 10 * M, index: 0 },
    { estimate: 4.7 * M, index: 0 },
    { estimate: 4 * M, index: 1 },
    { estimate: 1.2 * M, index: 2 },
    { estimate: 0.1 * M, index: 2 },
  ])('begins with the best that $estimate bits per second carry', ({ estimate, index }) => {
    expect(new RungChoice().choose({ now: millis(0), rungs, current: undefined, sent: undefined, estimate, queueDelay: millis(0) })).toEqual({ index, manner: 'at-once' });
  });

  it('goes down at a shared key frame once the estimate is short for 400 ms', () => {
    const viewer = simulate(new RungChoice(), 0);
    expect(viewer.run(2, {})).toEqual([]);
    expect(viewer.run(0.4, { estimate: 3.5 * M })).toEqual([]);
    expect(viewer.run(0.4, { estimate: 3.5 * M })).toEqual(['1 at-shared-idr 2.4']);
  });

  it('stays through a dip', () => {
    const viewer = simulate(new RungChoice(), 0);
    viewer.run(1, {});
    expect(viewer.run(0.4, { estimate: 3.5 * M })).toEqual([]);
    expect(viewer.run(10, {})).toEqual([]);
  });

  it.each([
    { name: 'the estimate falls below 60 % of the rung', input: { estimate: 0.8 * M }, expected: '2 at-once' },
    { name: 'a quarter of a second waits on the way', input: { queueDelay: millis(250) }, expected: '1 at-once' },
  ])('drops a rung at once where $name', ({ input, expected }) => {
    const viewer = simulate(new RungChoice(), 0);
    viewer.run(2, {});
    expect(viewer.run(0.2, input)).toEqual([`${expected} 2.0`]);
  });

  it('does not take what still waits on the way for another collapse', () => {
    const viewer = simulate(new RungChoice(), 0);
    viewer.run(2, {});
    expect(viewer.run(1.4, { queueDelay: millis(900), estimate: 1.8 * M })).toEqual(['1 at-once 2.0']);
    expect(viewer.run(1, { queueDelay: millis(900), estimate: 1.8 * M })).toEqual(['2 at-once 3.6']);
  });

  it('makes a switch that waits for a key frame one at once where the path collapses meanwhile', () => {
    const choice = new RungChoice();
    const input = { now: millis(5000), rungs, current: 2, sent: 1, estimate: 0.5 * M, queueDelay: millis(0) };
    expect(choice.choose(input)).toEqual({ index: 2, manner: 'at-once' });
  });

  it('stays on the lowest rung whatever comes', () => {
    const viewer = simulate(new RungChoice(), 2);
    expect(viewer.run(20, { estimate: 0.05 * M, queueDelay: millis(2000) })).toEqual([]);
  });

  it('goes up once there is room for a while', () => {
    const viewer = simulate(new RungChoice(), 2);
    expect(viewer.run(5, { estimate: 1.6 * M })).toEqual([]);
    expect(viewer.run(5, { estimate: 1.8 * M })).toEqual(['1 at-shared-idr 5.8']);
  });

  it('waits 3 s before it goes back up', () => {
    const viewer = simulate(new RungChoice(), 0);
    viewer.run(1, {});
    viewer.run(0.2, { estimate: 0.8 * M });
    expect(viewer.run(10, {})).toEqual(['0 at-shared-idr 4.0']);
  });

  it('waits longer each time that going up did not hold, and forgets it once a rung has held', () => {
    const viewer = simulate(new RungChoice(), 0);
    const waits: number[] = [];
    for (let round = 0; round < 5; round++) {
      viewer.run(2, {});
      viewer.run(0.2, { estimate: 0.8 * M });
      const [up = ''] = viewer.run(40, { estimate: 10 * M }).slice(0, 1);
      waits.push(Number(up.split(' ').at(-1)));
    }
    // 40 s of room prove a rung: each way down is the first again.
    expect(waits.map((at, i) => Number((at - (2 + i * 42.2)).toFixed(1)))).toEqual([3, 3, 3, 3, 3]);
    const unlucky = simulate(new RungChoice(), 0);
    const times: string[] = [];
    for (let round = 0; round < 400; round++) {
      // Collapses whenever it is on the top rung.
      times.push(...unlucky.run(0.2, unlucky.current === 0 ? { estimate: 0.8 * M } : {}));
    }
    const ups = times.filter((line) => line.startsWith('0')).map((line) => Number(line.split(' ').at(-1)));
    expect(ups).toEqual([3, 9.2, 21.4, 45.6, 69.8]);
  });

  it('needs what a rung really takes to stay on it, and what it is meant to have to go up to it', () => {
    const calm = [{ planned: 4 * M, actual: 1 * M }, need(0.6 * M)];
    const choice = new RungChoice();
    for (let now = 0; now < 10_000; now += 200) {
      expect(choice.choose({ now: millis(now), rungs: calm, current: 0, sent: 0, estimate: 1.2 * M, queueDelay: millis(0) })).toBeUndefined();
    }
    const below = simulate(new RungChoice(), 1);
    expect(below.run(10, { rungs: calm, estimate: 1.2 * M })).toEqual([]);
  });
});

it('finds out what lies above only where a way up may follow', () => {
  const choice = new RungChoice();
  const input = { now: millis(10_000), rungs, current: 1, sent: 1, estimate: 2 * M, queueDelay: millis(0) };
  expect(choice.mayProbe(input)).toBe(true);
  expect(choice.mayProbe({ ...input, estimate: 1.4 * M })).toBe(false);
  choice.choose({ ...input, estimate: 0.7 * M });
  expect([11_999, 12_000].map((now) => choice.mayProbe({ ...input, now: millis(now), current: 2, sent: 2 }))).toEqual([false, true]);
});

it('asks the path for what the next rung up needs, with room to spare', () => {
  expect(demandAbove(rungs, 1)).toBeGreaterThan(4 * M * 1.15);
  expect(demandAbove(rungs, 0)).toBe(0);
  expect(demandAbove(rungs, undefined)).toBe(0);
});
