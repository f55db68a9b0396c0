import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { WorkerPlaces } from './worker-places.ts';

type Worker = { readonly place: number; readonly ended: Promise<void>; end(): Promise<void> };

describe('places of workers', () => {
  let started: Worker[];
  let pauses: number[];

  beforeEach(() => {
    vi.useFakeTimers();
    started = [];
    pauses = [];
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function places(size: number, start: (place: number) => Worker = worker): WorkerPlaces<Worker> {
    return new WorkerPlaces({ size, start, replaced: (_place, pause) => pauses.push(pause), failed: () => pauses.push(-1) });
  }

  function worker(place: number): Worker {
    const { promise, resolve } = Promise.withResolvers<void>();
    const one = {
      place,
      ended: promise,
      end: async () => {
        resolve();
        await promise;
        await Promise.resolve();
      },
    };
    started.push(one);
    return one;
  }

  it('are filled again where a worker ends, and only those', async () => {
    const made = places(2);
    await started[0]?.end();
    expect([made.running, made.byPlace]).toEqual([[started[1]], [undefined, started[1]]]);
    vi.advanceTimersByTime(500);
    expect(started.map(({ place }) => place)).toEqual([1, 2, 1]);
    expect(made.restarts).toBe(1);
  });

  it('wait longer each time while workers do not last, and not for one that lasted', async () => {
    places(1);
    for (const wait of [500, 1000, 2000]) {
      await started.at(-1)?.end();
      vi.advanceTimersByTime(wait);
    }
    vi.advanceTimersByTime(10_000);
    await started.at(-1)?.end();
    expect(pauses).toEqual([500, 1000, 2000, 500]);
  });

  it('wait no longer than 30 s', async () => {
    places(1);
    for (let i = 0; i < 8; i++) {
      await started.at(-1)?.end();
      vi.advanceTimersByTime(pauses.at(-1) ?? 0);
    }
    expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  });

  it('are tried again where a worker cannot be started', () => {
    let attempts = 0;
    const made = places(1, (place) => {
      attempts += 1;
      if (attempts === 1) {
        throw new Error('no thread left');
      }
      return worker(place);
    });
    expect([pauses, made.running]).toEqual([[-1], []]);
    vi.advanceTimersByTime(500);
    expect(made.running).toHaveLength(1);
  });

  it('stay empty once they are stopped', async () => {
    const made = places(1);
    made.stop();
    await started[0]?.end();
    vi.advanceTimersByTime(60_000);
    expect([started.length, pauses]).toEqual([1, []]);
  });

  it('stay empty where they are stopped before the next worker comes', async () => {
    const made = places(1);
    await started[0]?.end();
    made.stop();
    vi.advanceTimersByTime(60_000);
    expect([started.length, vi.getTimerCount()]).toEqual([1, 0]);
  });
});
