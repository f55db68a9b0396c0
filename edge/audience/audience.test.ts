import { expect, test } from 'vitest';

import { later, millis, wallTime } from '#core/media/time.ts';

import { Audience } from './audience.ts';
import { sessionIdOf } from './cmcd.ts';

const start = wallTime(1_000_000);

test('a viewer counts once, by stream and protocol', () => {
  const audience = new Audience();
  audience.viewer('a', 'hls', 'one', start);
  audience.viewer('a', 'hls', 'one', start);
  audience.viewer('a', 'hls', 'two', start);
  audience.viewer('a', 'webrtc', 'one', start);
  audience.viewer('b', 'hls', 'one', start);
  expect(audience.viewersOf('a')).toEqual({ hls: 2, webrtc: 1 });
  expect(audience.totals()).toEqual({ hls: 3, dash: 0, webrtc: 1 });
  expect(audience.viewersOf('c')).toEqual({});
});

test('a viewer who asks for nothing for five seconds has left; one whose request waits has not', () => {
  const audience = new Audience();
  audience.viewer('a', 'hls', 'one', start);
  const waiting = audience.viewer('a', 'hls', 'two', start);
  if (waiting !== undefined) {
    waiting.waiting = 1;
  }
  audience.expire(later(start, millis(4999)));
  expect(audience.viewersOf('a')).toEqual({ hls: 2 });
  audience.expire(later(start, millis(5000)));
  expect(audience.viewersOf('a')).toEqual({ hls: 1 });
});

const sessions: readonly (readonly [query: string, header: string | undefined, expected: string | undefined])[] = [
  ['', undefined, undefined],
  ['', 'sid="a1"', 'a1'],
  ['', 'cid="x",sid="a1",v=1', 'a1'],
  ['', 'cid="sid=",v=1', undefined],
  ['', 'sid=""', undefined],
  ['', 'sid="unclosed', undefined],
  ['', `sid="${'x'.repeat(65)}"`, undefined],
  ['CMCD=sid%3D%22b2%22', undefined, 'b2'],
  ['_HLS_msn=1&CMCD=bl%3D100%2Csid%3D%22b2%22&x=1', undefined, 'b2'],
  ['CMCD=%', undefined, undefined],
  ['XCMCD=sid%3D%22b2%22', undefined, undefined],
];

test.each(sessions)('CTA-5004: the session id of query %j and header %j', (query, header, expected) => {
  expect(sessionIdOf(query, header)).toBe(expected);
});
