import { describe, expect, it } from 'vitest';
import { millis } from '#core/media/time.ts';
import { retryAfter, troubleOf } from './retry-rule.ts';
import { readRefusal, WhipRefusal } from './whip-refusal.ts';

const refusal = (status: number, code = 'http', seconds?: number): WhipRefusal => new WhipRefusal(status, code, 'no', seconds === undefined ? undefined : millis(seconds * 1_000));

describe('an attempt that failed is made again', () => {
  const cases = [
    { what: 'when the network is away for a moment', error: new TypeError('fetch'), wasLive: false, seconds: 3, again: 0 },
    { what: 'when the network is away, however long, once it was live', error: new TypeError('fetch'), wasLive: true, seconds: 3_600, again: 0 },
    { what: 'not for ever where the server was never reached', error: new TypeError('fetch'), wasLive: false, seconds: 11, again: undefined },
    { what: 'for some seconds where the stream is busy at first', error: refusal(409, 'ingest/stream-busy', 2), wasLive: false, seconds: 4, again: 2_000 },
    { what: 'but then somebody else is live', error: refusal(409, 'ingest/stream-busy', 2), wasLive: false, seconds: 6, again: undefined },
    { what: 'for a minute where our own lost session keeps it busy', error: refusal(409, 'ingest/stream-busy', 2), wasLive: true, seconds: 50, again: 2_000 },
    { what: 'but somebody who took over keeps it', error: refusal(409, 'ingest/stream-busy', 2), wasLive: true, seconds: 61, again: undefined },
    { what: 'when the server says when', error: refusal(503, 'ingest/stopping', 7), wasLive: false, seconds: 0, again: 7_000 },
    { what: 'when a proxy has no server behind it', error: refusal(502), wasLive: true, seconds: 5, again: 0 },
    { what: 'not with a wrong key', error: refusal(401, 'publish/unknown-key'), wasLive: true, seconds: 0, again: undefined },
    { what: 'not after too many wrong keys', error: refusal(429, 'publish/too-many-attempts', 10), wasLive: false, seconds: 0, again: undefined },
    { what: 'not with what the server cannot take', error: refusal(422, 'sdp/no-common-codec'), wasLive: false, seconds: 0, again: undefined },
    { what: 'not where there is no WHIP', error: refusal(404), wasLive: false, seconds: 0, again: undefined },
    { what: 'when a server that was there is not all there yet', error: refusal(404), wasLive: true, seconds: 0, again: 0 },
    { what: 'not through a firewall', error: refusal(201, 'studio/blocked'), wasLive: false, seconds: 0, again: undefined },
    { what: 'when a path was there before', error: refusal(201, 'studio/blocked'), wasLive: true, seconds: 0, again: 0 },
    { what: 'not when the person has stopped', error: new DOMException('left', 'AbortError'), wasLive: true, seconds: 0, again: undefined },
  ];
  it.each(cases)('$what', ({ error, wasLive, seconds, again }) => {
    expect(retryAfter(error, { wasLive, troubledFor: millis(seconds * 1_000) })).toBe(again);
  });
});

describe('a refusal', () => {
  it('has the server\'s code, words and time', () => {
    expect(readRefusal(409, '{"code":"ingest/stream-busy","message":"Live already."}', '2')).toMatchObject({ status: 409, code: 'ingest/stream-busy', message: 'Live already.', retryAfter: 2_000 });
  });

  it.each(['', '<html>Bad gateway</html>', 'null', '"x"', '{"code":5}'])('of something else has its status alone: %j', (body) => {
    expect(readRefusal(502, body, 'Wed, 21 Oct 2026 07:28:00 GMT')).toMatchObject({ code: 'http', message: 'HTTP 502', retryAfter: undefined });
  });

  it('is told as trouble, as is a server that is not there', () => {
    expect(troubleOf(refusal(401, 'publish/no-key'))).toEqual({ code: 'publish/no-key', message: 'no' });
    expect(troubleOf(new TypeError('Failed to fetch')).code).toBe('studio/unreachable');
  });
});
