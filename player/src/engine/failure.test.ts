import { describe, expect, it } from 'vitest';
import { failureFromAnswer } from './failure.ts';
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
