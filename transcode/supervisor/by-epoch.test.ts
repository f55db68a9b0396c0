import { expect, test } from 'vitest';

import { ByEpoch } from './by-epoch.ts';

test('a value is there at once, or waited for, or of the past', async () => {
  const epochs = new ByEpoch<string>();
  epochs.put(3, 'three');
  expect(await epochs.wait(3)).toBe('three');
  expect(await epochs.wait(2)).toBeUndefined();
  const waiting = epochs.wait(4);
  epochs.put(4, 'four');
  expect(await waiting).toBe('four');
});

test('old epochs are forgotten, and closing ends the waiting', async () => {
  const epochs = new ByEpoch<number>();
  [0, 1, 2, 3, 4, 5].forEach((epoch) => epochs.put(epoch, epoch));
  expect([epochs.get(1), epochs.get(2)]).toEqual([undefined, 2]);
  const waiting = epochs.wait(9);
  epochs.close();
  expect(await waiting).toBeUndefined();
});
