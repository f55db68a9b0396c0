import { expect, it } from 'vitest';

import { millis } from '../../media/time.ts';
import { RoundTrip } from './round-trip.ts';

it('is smoothed, and has a floor that no single delay lifts and that follows within ten seconds', () => {
  const trip = new RoundTrip();
  expect([trip.value, trip.least]).toEqual([undefined, undefined]);
  trip.heard(millis(130), millis(0));
  trip.heard(millis(90), millis(50));
  trip.heard(millis(150), millis(100));
  expect([trip.value, trip.least]).toEqual([90, 90]);
  // A report is better than any feedback, even where it says more.
  trip.reported(millis(100), millis(1000));
  trip.heard(millis(20), millis(1100));
  expect([trip.value, trip.least]).toEqual([100, 100]);
  trip.reported(millis(500), millis(2000));
  expect([trip.value, trip.least]).toEqual([200, 100]);
  trip.reported(millis(300), millis(6500));
  expect(trip.least).toBe(100);
  trip.reported(millis(300), millis(12_000));
  expect(trip.least).toBe(300);
  trip.reset();
  expect(trip.value).toBeUndefined();
});
