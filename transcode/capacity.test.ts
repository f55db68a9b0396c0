import { expect, test } from 'vitest';

import { Capacity } from './capacity.ts';

test('broadcasts share 60 % of what was measured', () => {
  const capacity = new Capacity(100);
  expect(capacity.leftFor('a')).toBe(60);
  capacity.spend('a', 25);
  capacity.spend('b', 10);
  expect([capacity.leftFor('a'), capacity.leftFor('b'), capacity.leftFor('c')]).toEqual([50, 35, 25]);
  expect(capacity.facts).toEqual({ megapixelsPerSecond: 100, budget: 60, used: 35 });
  capacity.spend('a', 0);
  expect(capacity.leftFor('b')).toBe(60);
});

test('a later measurement raises the budget and never lowers it', () => {
  const capacity = new Capacity(100);
  capacity.raiseTo(50);
  expect(capacity.budget).toBe(60);
  capacity.raiseTo(200);
  expect(capacity.leftFor('a')).toBe(120);
});
