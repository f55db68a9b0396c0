import { describe, expect, test } from 'vitest';

import { millis, wallTime } from '#core/media/time.ts';
import { encodedRung } from '../plan/encoded-rung.ts';
import { videoTrack } from '../testing/sources.ts';
import { Backoff } from './backoff.ts';
import { Shedding } from './shedding.ts';
import { Watch, type Observation } from './watch.ts';

const at = (seconds: number): ReturnType<typeof wallTime> => wallTime(seconds * 1000);

describe('a run is watched', () => {
  const seen = (more: Partial<Observation>): Observation => ({
    now: at(10),
    startedAt: at(0),
    lastPictureAt: at(9.9),
    fedSincePicture: 1,
    lag: millis(100),
    prelude: millis(0),
    ...more,
  });

  test.each([
    { name: '30 frames fed and none out for 3 s', more: { lastPictureAt: at(7), fedSincePicture: 30 }, verdict: 'hung' },
    { name: '29 frames fed', more: { lastPictureAt: at(1), fedSincePicture: 29 }, verdict: 'well' },
    { name: 'not yet 3 s', more: { lastPictureAt: at(7.001), fedSincePicture: 90 }, verdict: 'well' },
    { name: 'a start that decodes 8 s first', more: { lastPictureAt: at(0), fedSincePicture: 400, prelude: millis(8000) }, verdict: 'well' },
    { name: 'such a start that takes too long', more: { lastPictureAt: at(0), fedSincePicture: 400, prelude: millis(6000) }, verdict: 'hung' },
  ] as const)('$name: $verdict', ({ more, verdict }) => {
    expect(new Watch().observe(seen(more))).toBe(verdict);
  });

  test('more than 1 s behind for 5 s is behind, and then counted anew', () => {
    const watch = new Watch();
    const verdicts = [0, 2, 4.9, 5, 6, 10, 11].map((second) => watch.observe(seen({ now: at(second), lastPictureAt: at(second), lag: millis(1001) })));
    expect(verdicts).toEqual(['well', 'well', 'well', 'behind', 'well', 'well', 'behind']);
  });

  test('a moment of catching up begins the 5 s anew', () => {
    const watch = new Watch();
    const lags = [[0, 2000], [4, 900], [5, 2000], [9, 2000], [10, 2000]] as const;
    expect(lags.map(([second, lag]) => watch.observe(seen({ now: at(second), lastPictureAt: at(second), lag: millis(lag) })))).toEqual(['well', 'well', 'well', 'well', 'behind']);
  });
});

test('restarts wait longer each time, and a good run forgives', () => {
  const backoff = new Backoff();
  expect([1, 2, 3, 4, 5, 6, 7].map((second) => backoff.after(at(second - 1), at(second)))).toEqual([0, 500, 1000, 2000, 4000, 8000, 8000]);
  expect(backoff.after(at(10), at(40))).toBe(0);
});

describe('rungs are shed', () => {
  const rungs = [720, 480, 360].map((height) => encodedRung({ source: videoTrack(), rung: { height, bitrate: 1 }, place: 1, why: '', faces: ['hls'] }));

  test('the costliest first, and the last one only where something else serves HLS', () => {
    const shedding = new Shedding();
    expect([1, 2, 3].map((second) => shedding.shedCostliest(rungs, at(second), true))).toEqual(['v720', 'v480', undefined]);
    expect(shedding.shedCostliest(rungs, at(4), false)).toBe('v360');
    expect(shedding.shed).toEqual(['v720', 'v480', 'v360']);
  });

  test('and come back one by one after 60 s under 70 % load each', () => {
    const shedding = new Shedding();
    shedding.shedCostliest(rungs, at(0), true);
    shedding.shedCostliest(rungs, at(1), true);
    const loads = [[10, 0.5], [69, 0.69], [69.5, 0.7], [70, 0.1], [129, 0.1], [130, 0.1], [131, 0.1], [191, 0.1]] as const;
    expect(loads.map(([second, load]) => shedding.observe(load, at(second)))).toEqual([undefined, undefined, undefined, undefined, undefined, 'v480', undefined, 'v720']);
  });

  test('one that has to go again right away waits twice as long', () => {
    const shedding = new Shedding();
    shedding.shedCostliest(rungs, at(0), true);
    shedding.observe(0, at(0));
    expect(shedding.observe(0, at(60))).toBe('v720');
    shedding.shedCostliest(rungs, at(70), true);
    shedding.observe(0, at(71));
    expect(shedding.observe(0, at(132))).toBeUndefined();
    expect(shedding.observe(0, at(191))).toBe('v720');
  });
});
