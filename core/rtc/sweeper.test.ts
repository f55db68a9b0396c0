import { afterEach, describe, expect, it, vi } from 'vitest';

import { millis } from '../media/time.ts';
import { Sweeper } from './sweeper.ts';

afterEach(() => vi.useRealTimers());

describe('Sweeper', () => {
  it('sweeps four times a second, and its time runs with the clock', () => {
    vi.useFakeTimers();
    const swept: number[] = [];
    const begin = performance.now();
    const sweeper = new Sweeper(() => millis(performance.now() - begin), (now) => swept.push(now));
    vi.advanceTimersByTime(1000);
    expect(swept).toEqual([250, 500, 750, 1000]);
    vi.advanceTimersByTime(100);
    expect(sweeper.now()).toBe(1100);
    sweeper.close();
    vi.advanceTimersByTime(1000);
    expect(swept).toHaveLength(4);
  });

  it('counts a standstill of the process as a second', () => {
    vi.useFakeTimers();
    let reading = 0;
    const swept: number[] = [];
    const sweeper = new Sweeper(() => millis(reading), (now) => swept.push(now));
    reading = 61_000;
    // Before the timer has run, packets that waited are handled.
    expect(sweeper.now()).toBe(1000);
    vi.advanceTimersByTime(250);
    expect(swept).toEqual([1000]);
    reading += 500;
    expect(sweeper.now()).toBe(1500);
    sweeper.close();
  });
});
