import { expect, it } from 'vitest';

import { millis } from '../../media/time.ts';
import { ReceiveRate } from './receive-rate.ts';
import { RembEstimate } from './remb-estimate.ts';

it('what a publisher may send grows with what it sends, holds with a little loss, falls with much', () => {
  const estimate = new RembEstimate();
  let now = 0;
  const run = (loss: number, received: number, seconds: number): number => {
    let bitrate = 0;
    for (let n = 0; n < seconds; n += 1) {
      now += 1000;
      bitrate = estimate.update(loss, received, millis(now));
    }
    return bitrate;
  };
  expect(run(0, 200_000, 30)).toBe(1_500_000);
  expect(run(0, 3_000_000, 30)).toBe(6_000_000);
  expect(run(0.05, 3_000_000, 5)).toBe(6_000_000);
  expect(run(0.5, 1_000_000, 1)).toBe(4_500_000);
  expect(run(1, 0, 60)).toBe(150_000);
});

it('a rate is that of the last second', () => {
  const rate = new ReceiveRate();
  for (let at = 0; at < 3000; at += 10) {
    rate.add(1250, millis(at));
  }
  expect(rate.read(millis(2999))).toBeCloseTo(1_000_000, -4);
  expect(rate.read(millis(3499))).toBeCloseTo(500_000, -5);
  expect(rate.read(millis(9000))).toBe(0);
});
