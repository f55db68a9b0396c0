import { describe, expect, it } from 'vitest';

import { millis, wallTime } from '#core/media/time.ts';

import { Warnings } from './warnings.ts';

describe('warnings', () => {
  it('of conditions stay until they are cured, and keep the time of their beginning', () => {
    const warnings = new Warnings();
    warnings.set('source/long-gop', 'first', wallTime(1000));
    warnings.set('source/long-gop', 'again', wallTime(5000));
    expect(warnings.list(wallTime(9e9))).toEqual([{ code: 'source/long-gop', message: 'again', since: 1000 }]);
    warnings.clear('source/long-gop');
    expect(warnings.list(wallTime(9e9))).toEqual([]);
  });

  it('of events expire a while after the last one', () => {
    const warnings = new Warnings();
    warnings.raise('source/timestamp-jump', 'jump', wallTime(0), millis(100));
    warnings.raise('source/timestamp-jump', 'jump', wallTime(50), millis(100));
    expect(warnings.list(wallTime(149))).toHaveLength(1);
    expect(warnings.list(wallTime(150))).toEqual([]);
  });

  it('are bounded in number, whatever a publisher makes up', () => {
    const warnings = new Warnings();
    for (let n = 0; n < 1000; n += 1) {
      warnings.raise(`rtmp/${n}`, 'x', wallTime(n));
    }
    expect(warnings.list(wallTime(1000)).length).toBeLessThanOrEqual(32);
  });
});
