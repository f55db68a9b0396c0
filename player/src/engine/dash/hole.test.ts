import { expect, it } from 'vitest';
import { standsBeforeHole } from './hole.ts';

const ranges = (...list: readonly (readonly [number, number])[]) => ({
  length: list.length,
  start: (i: number) => list[i]?.[0] ?? Number.NaN,
  end: (i: number) => list[i]?.[1] ?? Number.NaN,
});

it.each([
  { is: 'nothing is there', buffered: ranges(), position: 5, stands: false },
  { is: 'there is no hole', buffered: ranges([0, 6]), position: 5.9, stands: false },
  { is: 'a hole is far ahead', buffered: ranges([0, 6], [12, 13]), position: 5, stands: false },
  { is: 'a hole is before the playhead, and something behind it', buffered: ranges([0, 6.27], [12.6, 13.7]), position: 6.12, stands: true },
  { is: 'there is a hole in what is behind the hole', buffered: ranges([0, 6.27], [12.6, 13], [13.6, 14.2]), position: 6.12, stands: true },
  { is: 'too little is behind the hole', buffered: ranges([0, 6.27], [12.6, 13.2]), position: 6.12, stands: false },
  { is: 'the playhead stands in the hole', buffered: ranges([0, 6], [12, 13.5]), position: 7, stands: true },
  { is: 'the hole lies behind', buffered: ranges([0, 6], [12, 13]), position: 12.9, stands: false },
])('where $is', ({ buffered, position, stands }) => {
  expect(standsBeforeHole(buffered, position)).toBe(stands);
});
