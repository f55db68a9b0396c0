import { expect, test } from 'vitest';

import { millis, ticks, VIDEO_TIMESCALE } from '#core/media/time.ts';
import type { TimedEvent } from '#core/media/timed-event.ts';

import { listedEvents } from './listed-events.ts';

const message = (second: number, data = '1'): TimedEvent => ({ id: second.toString(16).padStart(32, '0'), type: 'poll', pts: ticks(second * VIDEO_TIMESCALE), data });
const from = (first: number, last: number, data?: string): TimedEvent[] => Array.from({ length: last - first + 1 }, (_, i) => message(first + i, data));
const secondsOf = (events: readonly TimedEvent[]): number[] => events.map(({ pts }) => pts / VIDEO_TIMESCALE);

test('what is kept and what is in memory is listed once, in the order of the timeline', () => {
  expect(secondsOf(listedEvents([message(1), message(2)], [message(3), message(2)], millis(0)))).toEqual([1, 2, 3]);
});

test('messages of what is not listed any more are left out, but for those that sound of the first group may have', () => {
  expect(secondsOf(listedEvents(from(0, 50), from(40, 60), millis(30_000)))).toEqual(secondsOf(from(28, 60)));
});

test('of hours of messages a manifest lists the newest, whatever the window', () => {
  expect(secondsOf(listedEvents(from(0, 5000), from(4990, 5010), millis(0)))).toEqual(secondsOf(from(4011, 5010)));
});

test('of large ones it lists fewer', () => {
  const listed = listedEvents(from(0, 999, JSON.stringify('x'.repeat(4000))), [], millis(0));
  expect(listed.length).toBeGreaterThan(50);
  expect(listed.reduce((sum, { data }) => sum + data.length, 0)).toBeLessThan(300_000);
  expect(listed.at(-1)).toEqual(message(999, JSON.stringify('x'.repeat(4000))));
});
