import { expect, test } from 'vitest';

import { beginningOf, takenGroups } from './taken-groups.ts';

test.each([
  { name: 'nothing', value: undefined, read: undefined },
  { name: 'something else', value: { epoch: '1', group: 3 }, read: undefined },
  { name: 'what was begun', value: { epoch: 1, group: 30, later: true }, read: { epoch: 1, group: 30 } },
  { name: 'a hand-over', value: { epoch: 1, group: 30, handover: { to: 'b', done: false } }, read: { epoch: 1, group: 30, handover: { to: 'b', done: false } } },
])('a record is read: $name', ({ value, read }) => {
  expect(takenGroups(value)).toEqual(read);
});

test.each([
  { name: 'no record', before: undefined, begins: undefined },
  { name: 'a record of an earlier epoch', before: { epoch: 1, group: 30 }, begins: undefined },
  { name: 'nothing was begun', before: { epoch: 2, group: -1 }, begins: undefined },
  { name: 'one died: messages of the last two groups may not have been told', before: { epoch: 2, group: 30 }, begins: { after: 30, told: 28 } },
  { name: 'one hands over', before: { epoch: 2, group: 30, handover: { to: 'b', done: false } }, begins: { after: 30, told: 30 } },
  { name: 'a record of a later epoch', before: { epoch: 3, group: 30 }, begins: { after: Infinity, told: Infinity } },
])('a successor in epoch 2 begins behind what was begun: $name', ({ before, begins }) => {
  expect(beginningOf(before, 2)).toEqual(begins);
});
