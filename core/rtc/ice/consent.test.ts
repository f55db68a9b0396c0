import { describe, expect, it } from 'vitest';

import { millis } from '../../media/time.ts';
import { Consent } from './consent.ts';

describe('consent', () => {
  it('is asked for after 5.5 s of silence, then every 2.5 s, and lost after 20 s', () => {
    const consent = new Consent();
    const verdicts = Array.from({ length: 41 }, (_, at) => [at / 2, consent.judge(millis(0), millis(500 * at))] as const);
    expect(verdicts.filter(([, verdict]) => verdict !== 'fresh')).toEqual([
      [5.5, 'check'], [8, 'check'], [10.5, 'check'], [13, 'check'], [15.5, 'check'], [18, 'check'], [20, 'lost'],
    ]);
  });

  it('is fresh again as soon as something came', () => {
    const consent = new Consent();
    expect(consent.judge(millis(0), millis(6000))).toBe('check');
    expect(consent.judge(millis(8900), millis(9000))).toBe('fresh');
    expect(consent.judge(millis(8900), millis(14_400))).toBe('check');
  });
});
