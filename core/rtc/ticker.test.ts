import { describe, expect, it } from 'vitest';

import { millis, type Millis } from '../media/time.ts';
import { Ticker, type Ticked } from './ticker.ts';

/** A ticker on a clock moved by hand: the timer fires when its moment comes. */
function manualTicker() {
  let now = 100;
  let timer: { run: () => void; at: number } | undefined;
  const wakeUps: number[] = [];
  const failures: unknown[] = [];
  const timers = {
    set: (run: () => void, delay: Millis) => (timer = { run, at: now + delay }),
    clear: () => (timer = undefined),
  };
  const ticker = new Ticker(() => millis(now), timers, (error) => failures.push(error));
  const pass = (time: number): void => {
    const end = now + time;
    while (timer !== undefined && timer.at <= end) {
      now = timer.at;
      wakeUps.push(now);
      const { run } = timer;
      timer = undefined;
      run();
    }
    now = end;
  };
  return { ticker, pass, wakeUps, failures, armed: () => timer !== undefined };
}

function recorder(next: (now: Millis) => Millis | undefined = () => undefined): Ticked & { at: number[] } {
  const at: number[] = [];
  return { at, tick: (now) => (at.push(now), next(now)) };
}

describe('the ticker', () => {
  it('calls who is due, together within 5 ms, and waits with no timer when nothing is due', () => {
    const { ticker, pass, wakeUps, armed } = manualTicker();
    const one = recorder();
    const two = recorder();
    const later = recorder();
    ticker.schedule(later, millis(151));
    ticker.schedule(one, millis(111));
    ticker.schedule(two, millis(114));
    pass(30);
    expect(wakeUps).toEqual([115.5]);
    expect([one.at, two.at, later.at]).toEqual([[115.5], [115.5], []]);
    pass(30);
    expect(later.at).toEqual([155.5]);
    expect(armed()).toBe(false);
    expect(ticker.size).toBe(0);
  });

  it('calls again at the moment asked for, and never twice in one step', () => {
    const { ticker, pass } = manualTicker();
    const eager = recorder((now) => now);
    ticker.schedule(eager, millis(100));
    pass(26);
    expect(eager.at.length).toBe(6);
    expect(eager.at).toEqual(eager.at.map((_, i) => 100.5 + i * 5));
  });

  it('keeps the earlier of two moments', () => {
    const { ticker, pass } = manualTicker();
    const one = recorder();
    ticker.schedule(one, millis(200));
    ticker.schedule(one, millis(120));
    ticker.schedule(one, millis(300));
    pass(400);
    expect(one.at).toHaveLength(1);
    expect(one.at[0]).toBeLessThan(126);
  });

  it('forgets who cancels, also in the middle of a step', () => {
    const { ticker, pass, armed } = manualTicker();
    const second = recorder();
    const first = recorder(() => (ticker.cancel(second), undefined));
    ticker.schedule(first, millis(110));
    ticker.schedule(second, millis(115));
    pass(50);
    expect(second.at).toEqual([]);
    expect(armed()).toBe(false);
  });

  it('forgets who is cancelled by another one of the same step, and calls who is put off only then', () => {
    const { ticker, pass } = manualTicker();
    const [cancelled, delayed] = [recorder(), recorder()];
    const first = recorder(() => {
      ticker.cancel(cancelled);
      ticker.cancel(delayed);
      ticker.schedule(delayed, millis(130));
      return undefined;
    });
    [first, cancelled, delayed].forEach((ticked) => ticker.schedule(ticked, millis(110)));
    pass(50);
    expect(cancelled.at).toEqual([]);
    expect(delayed.at).toEqual([130.5]);
    expect(ticker.size).toBe(0);
  });

  it('goes on with the others where one throws', () => {
    const { ticker, pass, failures } = manualTicker();
    const broken: Ticked = {
      tick: () => {
        throw new Error('broken');
      },
    };
    const other = recorder((now) => (now < 120 ? millis(now + 10) : undefined));
    ticker.schedule(broken, millis(110));
    ticker.schedule(other, millis(110));
    pass(50);
    expect(failures).toEqual([new Error('broken')]);
    expect(other.at).toEqual([110.5, 125.5]);
    expect(ticker.size).toBe(0);
  });

  it('does not lose who is scheduled during a step', () => {
    const { ticker, pass } = manualTicker();
    const other = recorder();
    const one = recorder(() => (ticker.schedule(other, millis(130)), undefined));
    ticker.schedule(one, millis(110));
    pass(50);
    expect(other.at).toHaveLength(1);
  });
});
