import { describe, expect, it } from 'vitest';

import { millis } from '../../media/time.ts';
import { Strangers } from './strangers.ts';

/** Strangers named by their address and a number, one a second, as `a1`. */
function strangers(...names: readonly string[]): Strangers<string> {
  const all = new Strangers<string>({ inAll: 6, perGroup: 4 });
  names.forEach((name, at) => all.add(name, name[0]!, millis(1000 * at)));
  return all;
}

describe('a newcomer', () => {
  it.each<[string, readonly string[], string, boolean, string | undefined]>([
    ['finds room', ['a1', 'b1', 'a2'], 'c', false, undefined],
    ['takes the place of the oldest of the address that has the most', ['b1', 'a1', 'a2', 'c1', 'a3', 'b2'], 'd', false, 'a1'],
    ['takes that of the oldest of all where each address has one', ['a1', 'b1', 'c1', 'd1', 'e1', 'f1'], 'g', false, 'a1'],
    ['takes that of the oldest where two addresses have the most', ['c1', 'b1', 'a1', 'a2', 'd1', 'b2'], 'e', false, 'b1'],
    ['takes one of its own address where that has as many as it may', ['b1', 'a1', 'a2', 'a3', 'a4'], 'a', false, 'a1'],
    ['takes one of its own address where that would have the most with it', ['b1', 'b2', 'a1', 'a2', 'c1', 'd1'], 'a', false, 'a1'],
    ['takes a place where all connections together are too many', ['b1', 'a1', 'a2'], 'c', true, 'a1'],
    ['takes nobody\'s where there are no strangers', [], 'a', true, undefined],
  ])('%s', (_what, names, group, isFull, expected) => {
    expect(strangers(...names).inTheWayOf(group, isFull)).toBe(expected);
  });

  it('of an address that opens connection after connection takes places of that address alone', () => {
    const all = strangers('b1', 'c1', 'd1');
    for (let number = 1; number <= 100; number++) {
      for (let gone = all.inTheWayOf('a', false); gone !== undefined; gone = all.inTheWayOf('a', false)) {
        expect(gone[0]).toBe('a');
        all.delete(gone);
      }
      all.add(`a${number}`, 'a', millis(10_000 + number));
    }
    expect(['b1', 'c1', 'd1'].every((name) => all.has(name))).toBe(true);
  });
});

describe('strangers', () => {
  it('are overdue in the order in which they came', () => {
    expect(strangers('a1', 'b1', 'a2', 'c1').since(millis(6000), 5000)).toEqual(['a1', 'b1']);
  });

  it('that are known are in nobody\'s way', () => {
    const all = strangers('a1', 'a2', 'a3', 'a4');
    all.delete('a1');
    all.delete('a1');
    expect(all.has('a1')).toBe(false);
    expect(all.inTheWayOf('a', false)).toBeUndefined();
    expect(all.since(millis(60_000), 5000)).toEqual(['a2', 'a3', 'a4']);
  });
});
