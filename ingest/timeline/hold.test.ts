import { expect, it } from 'vitest';

import { millis, wallTime } from '#core/media/time.ts';

import { Hold } from './hold.ts';
import { START } from './testing/encoder.ts';

it('looks for the rate at each frame of a usual source, and seldom where thousands come at once', () => {
  let looks = 0;
  const hold = new Hold({
    resolution: millis(1),
    former: () => undefined,
    expects: () => ({ audio: false, video: true }),
    claimed: () => {
      looks += 1;
      return undefined;
    },
  });
  const add = (n: number): boolean => {
    hold.add({ kind: 'video', layer: 0, media: millis(n), offset: millis(0), key: true, data: new Uint8Array(4), arrival: wallTime(START) });
    return hold.ready(wallTime(START));
  };
  for (let n = 0; n < 60; n += 1) {
    expect(add(n)).toBe(false);
  }
  expect(looks).toBeGreaterThan(50);
  for (let n = 60; n < 1900; n += 1) {
    add(n);
  }
  expect(looks).toBeLessThan(400);
});
