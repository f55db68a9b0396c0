import { expect, test } from 'vitest';

import { parseRange } from './byte-range.ts';

const cases: readonly (readonly [header: string | undefined, expected: ReturnType<typeof parseRange>])[] = [
  [undefined, undefined],
  ['bytes=0-0', { first: 0, last: 0 }],
  ['bytes=0-', { first: 0, last: 99 }],
  ['bytes=90-200', { first: 90, last: 99 }],
  ['bytes=-10', { first: 90, last: 99 }],
  ['bytes=-200', { first: 0, last: 99 }],
  ['bytes=100-', 'unsatisfiable'],
  ['bytes=-0', 'unsatisfiable'],
  ['bytes=5-4', undefined],
  ['bytes=-', undefined],
  ['bytes=0-1,3-4', undefined],
  ['items=0-1', undefined],
  ['bytes=a-b', undefined],
];

test.each(cases)('RFC 9110 14.1.2: %j of 100 bytes', (header, expected) => {
  expect(parseRange(header, 100)).toEqual(expected);
});
