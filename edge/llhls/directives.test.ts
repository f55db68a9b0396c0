import { expect, test } from 'vitest';

import { parseDirectives } from './directives.ts';

const cases: readonly (readonly [query: string, expected: ReturnType<typeof parseDirectives>])[] = [
  ['', { msn: undefined, part: undefined, skip: false }],
  ['foo=1&CMCD=sid%3D%22a%22', { msn: undefined, part: undefined, skip: false }],
  ['_HLS_msn=12', { msn: 12, part: undefined, skip: false }],
  ['_HLS_msn=12&_HLS_part=0', { msn: 12, part: 0, skip: false }],
  ['_HLS_msn=12&_HLS_part=3&_HLS_skip=YES', { msn: 12, part: 3, skip: true }],
  ['x=1&_HLS_skip=v2&_HLS_part=3&_HLS_msn=12', { msn: 12, part: 3, skip: true }],
  ['_HLS_skip=YES', { msn: undefined, part: undefined, skip: true }],
  ['_HLS_part=3', undefined],
  ['_HLS_msn=', undefined],
  ['_HLS_msn', undefined],
  ['_HLS_msn=-1', undefined],
  ['_HLS_msn=1e3', undefined],
  ['_HLS_msn=1.5', undefined],
  ['_HLS_msn=9999999999999999', undefined],
  ['_HLS_msn=1&_HLS_msn=1', undefined],
  ['_HLS_msn=1&_HLS_part=x', undefined],
  ['_HLS_skip=NO', undefined],
  ['_HLS_msn=%31', undefined],
];

test.each(cases)('rfc8216bis 6.2.5: the query %j', (query, expected) => {
  expect(parseDirectives(query)).toEqual(expected);
});
