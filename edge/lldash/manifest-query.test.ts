import { expect, test } from 'vitest';

import { parseManifestQuery } from './manifest-query.ts';

const broadcast = 'abcdef0123456789';
const queries: readonly (readonly [query: string, expected: ReturnType<typeof parseManifestQuery> | { after?: number; broadcast?: string }])[] = [
  ['', {}],
  ['after=5', { after: 5 }],
  [`broadcast=${broadcast}&after=1795359302`, { after: 1795359302, broadcast }],
  [`after=0&CMCD=sid%3D%22a%22&broadcast=${broadcast}`, { after: 0, broadcast }],
  ['x=1&&=&y', {}],
  ['after=', undefined],
  ['after', undefined],
  ['after=-1', undefined],
  ['after=1.5', undefined],
  ['after=1e3', undefined],
  ['after=1234567890123456', undefined],
  ['after=1&after=1', undefined],
  ['broadcast=short', undefined],
  ['broadcast=ABCDEF0123', undefined],
  [`broadcast=${broadcast}&broadcast=${broadcast}`, undefined],
  ['After=1', {}],
];

test.each(queries)('%j', (query, expected) => {
  expect(parseManifestQuery(query)).toEqual(expected && { after: undefined, broadcast: undefined, ...expected });
});

test('whatever comes as a query is read or refused, and never thrown at', () => {
  const pieces = ['after', 'broadcast', '=', '&', '1', '99999999999999999999', broadcast, '%', '%00', '\u{1f44f}', '-', '.', '+', ' ', ''];
  let seed = 1;
  const next = (bound: number): number => (seed = (seed * 48_271) % 2_147_483_647) % bound;
  for (let i = 0; i < 5000; i++) {
    const query = Array.from({ length: next(12) }, () => pieces[next(pieces.length)]).join('');
    const read = parseManifestQuery(query);
    expect(read === undefined || read.after === undefined || Number.isSafeInteger(read.after), query).toBe(true);
  }
});
