import { describe, expect, it } from 'vitest';

import { risePerHour } from './memory.ts';

describe('the rise of memory', () => {
  it('is told in an hour\'s time', () => {
    expect(risePerHour([0, 1, 2, 3].map((minute) => ({ minute, value: 100 + minute / 60 })))).toBeCloseTo(1);
  });

  it('is not swayed by a reading that has a segment more', () => {
    expect(risePerHour([0, 1, 2, 3, 4].map((minute) => ({ minute, value: minute === 2 ? 180 : 100 })))).toBe(0);
  });
});
