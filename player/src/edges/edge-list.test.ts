import { expect, it } from 'vitest';
import { readEdgeList } from './edge-list.ts';

it.each([
  ['edges, best first', { edges: [{ node: 'a', url: 'https://a.test/', region: null, load: 0.1 }, { url: 'https://b.test/' }], ttl: 20 }, { urls: ['https://a.test/', 'https://b.test/'], ttl: 20_000 }],
  ['no time to live', { edges: [] }, { urls: [], ttl: 10_000 }],
  ['a time to live of nothing', { edges: [], ttl: 0 }, { urls: [], ttl: 2_000 }],
  ['a time to live of days', { edges: [], ttl: 1e6 }, { urls: [], ttl: 300_000 }],
  ['an edge without a URL', { edges: [{ node: 'a' }, 7], ttl: 10 }, { urls: [undefined, undefined], ttl: 10_000 }],
  ['no list', { code: 'http/not-found' }, { urls: [], ttl: 10_000 }],
  ['nothing', undefined, { urls: [], ttl: 10_000 }],
])('reads %s', (_what, body, list) => {
  expect(readEdgeList(body)).toEqual(list);
});
