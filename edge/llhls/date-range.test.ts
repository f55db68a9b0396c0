import { expect, test } from 'vitest';

import { ticks, timescale, VIDEO_TIMESCALE, wallTime } from '#core/media/time.ts';
import type { TimedEvent } from '#core/media/timed-event.ts';

import { dateRange, eventTime } from './date-range.ts';

const event: TimedEvent = { id: '00112233445566778899aabbccddeeff', type: 'poll.v2', pts: ticks(10 * 90_000 + 3000), data: '{"q":"¿Qué \\">>>\\"?"}' };
const noon = wallTime(Date.UTC(2026, 5, 1, 12));

test('a message is a date range of no length, its data in base64url without padding', () => {
  expect(dateRange({ ...event, data: '{"a":"?>~?>~"}' }, noon)).toBe(
    '#EXT-X-DATERANGE:ID="00112233445566778899aabbccddeeff",CLASS="urn:millrace:event:2026",START-DATE="2026-06-01T12:00:00.000Z",DURATION=0,' +
      'X-TIME=10.033333,X-TYPE="poll.v2",X-DATA="eyJhIjoiPz5-Pz5-In0"\n',
  );
});

test.each([['"'], ['a\nb\r'], ['\u{1f44f} ünï'], ['\u0000'], ['x'.repeat(4000)]])('whatever the data, the line stays one line and gives it back: %j', (text) => {
  const data = JSON.stringify({ text }).replace('{', '{\n');
  const line = dateRange({ ...event, data }, noon);
  const encoded = /,X-DATA="([\w-]+)"\n$/.exec(line)?.[1] ?? '';
  expect(line.indexOf('\n')).toBe(line.length - 1);
  expect(Buffer.from(encoded, 'base64url').toString()).toBe(data);
});

test('a message is as far from its segment on the wall clock as on the timeline', () => {
  const at = (pts: number, scale: number, wall: number): number => eventTime(event, { pts: ticks(pts), timescale: timescale(scale), wallTime: wallTime(wall) });
  expect(at(10 * 90_000, VIDEO_TIMESCALE, 5_000_000)).toBeCloseTo(5_000_033.33, 1);
  expect(at(10 * 48_000, 48_000, 5_000_000)).toBeCloseTo(5_000_033.33, 1);
  // Of a segment that begins later, because the frame for it was lost.
  expect(at(11 * 90_000, VIDEO_TIMESCALE, 5_000_000)).toBeCloseTo(4_999_033.33, 1);
  // PROGRAM-DATE-TIME has milliseconds: players add the distance to that.
  expect(at(10 * 90_000, VIDEO_TIMESCALE, 5_000_000.4)).toBeCloseTo(5_000_033.33, 1);
});
