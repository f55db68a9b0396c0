import { describe, expect, it } from 'vitest';
import { failureFromAnswer, failureFromWhep } from './failure.ts';
import { rungLabel } from './rung-label.ts';

const cases = [
  { status: 404, body: '{"code":"offline","message":"m"}', retry: '3', is: { kind: 'offline', detail: 'HTTP 404', retryAfter: 3_000 } },
  { status: 404, body: '{"code":"unknown-stream","message":"m"}', retry: null, is: { kind: 'unknown-stream', detail: 'HTTP 404' } },
  { status: 404, body: '{"code":"stream/unknown","message":"m"}', retry: null, is: { kind: 'unknown-stream', detail: 'HTTP 404' } },
  { status: 502, body: '<html>Bad gateway</html>', retry: null, is: { kind: 'network', detail: 'HTTP 502' } },
  { status: 503, body: '{"code":"busy"}', retry: '120', is: { kind: 'network', detail: 'HTTP 503', retryAfter: 10_000 } },
  { status: 404, body: '', retry: 'Wed, 21 Oct 2026 07:28:00 GMT', is: { kind: 'network', detail: 'HTTP 404' } },
  { status: 404, body: 'null', retry: '', is: { kind: 'network', detail: 'HTTP 404', retryAfter: 0 } },
];

describe('a refused playlist', () => {
  for (const { status, body, retry, is } of cases) {
    it(`${status} ${body} is ${is.kind}`, () => {
      expect(failureFromAnswer(status, body, retry)).toEqual(is);
    });
  }
});

describe('a refused WHEP offer', () => {
  it.each([
    [409, '{"code":"offline"}', '3', { kind: 'offline', detail: 'HTTP 409', retryAfter: 3_000 }],
    [409, '', null, { kind: 'offline', detail: 'HTTP 409' }],
    [404, '{"code":"stream/unknown"}', null, { kind: 'unknown-stream', detail: 'HTTP 404' }],
    [404, '<html>', null, { kind: 'unfit', detail: 'HTTP 404' }],
    [406, '{"code":"whep/no-codec"}', null, { kind: 'unfit', detail: 'HTTP 406 whep/no-codec' }],
    [503, '{"code":"whep/full"}', '20', { kind: 'full', detail: 'HTTP 503 whep/full', retryAfter: 10_000 }],
    [500, '', null, { kind: 'network', detail: 'HTTP 500' }],
  ])('%i %s', (status, body, retry, is) => {
    expect(failureFromWhep(status, body, retry)).toEqual(is);
  });
});

describe('the label of a rendition', () => {
  const labels = [
    { width: 1280, height: 720, frameRate: 30, is: '720p' },
    { width: 1920, height: 1080, frameRate: 59.94, is: '1080p60' },
    { width: 720, height: 1280, frameRate: 29.97, is: '720p' },
    { width: 640, height: 360, frameRate: 0, is: '360p' },
    { width: 0, height: 0, frameRate: 0, is: 'Audio' },
  ];
  for (const { width, height, frameRate, is } of labels) {
    it(`of ${width}x${height} at ${frameRate} is ${is}`, () => {
      expect(rungLabel(width, height, frameRate)).toBe(is);
    });
  }
});
