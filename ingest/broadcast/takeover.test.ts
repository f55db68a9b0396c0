import { describe, expect, it } from 'vitest';

import { millis, wallTime } from '#core/media/time.ts';

import { hasFailed, VACANT, verdict, type Decision } from './takeover.ts';
import { Trust } from './trust.ts';

describe('who may be live', () => {
  const main = (steady = false) => ({ backup: false, steady });
  const backup = { backup: true, steady: true };
  const live = (of: 'main' | 'backup', heardAgo: number) => ({ publisher: true, backup: of === 'backup', heardAgo: millis(heardAgo) });

  it.each<[string, Parameters<typeof verdict>[0], Parameters<typeof verdict>[1], Decision]>([
    ['a main where nobody is', main(), VACANT, 'take'],
    ['a backup where nobody is', backup, VACANT, 'take'],
    ['a main beside a main', main(true), live('main', 1999), 'leave'],
    ['a main after a main that is silent', main(), live('main', 2000), 'take'],
    ['a backup beside a main', backup, live('main', 1499), 'wait'],
    ['a backup after a main that is silent', backup, live('main', 1500), 'take'],
    ['a main beside a backup', main(), live('backup', 1499), 'wait'],
    ['a main that is steady beside a backup', main(true), live('backup', 0), 'take'],
    ['a main after a backup that is silent', main(), live('backup', 1500), 'take'],
    ['a backup beside a backup', backup, live('backup', 1499), 'wait'],
  ])('%s', (_who, candidate, present, expected) => {
    expect(verdict(candidate, present)).toBe(expected);
  });

  it('is taken from who is silent, not from who makes room', () => {
    expect([live('main', 1499), live('main', 1500), VACANT].map(hasFailed)).toEqual([false, true, false]);
  });
});

describe('a main that fails soon after its return', () => {
  it('has to be steady for twice as long each time, within bounds, and is trusted again after a good while', () => {
    const trust = new Trust();
    const needed: number[] = [];
    let now = 0;
    for (let n = 0; n < 7; n += 1) {
      trust.failed(wallTime(now));
      needed.push(trust.needed);
      trust.returned(wallTime(now));
      now += 20_000;
    }
    expect(needed).toEqual([5000, 10_000, 20_000, 40_000, 80_000, 80_000, 80_000]);
    trust.failed(wallTime(now + 60_000));
    expect(trust.needed).toBe(5000);
  });
});
