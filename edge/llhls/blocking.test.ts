import { expect, test } from 'vitest';

import { millis } from '#core/media/time.ts';

import { advancePartLimit, readiness } from './blocking.ts';
import { Feed, testWindow } from './testing/feed.ts';

/** Groups 10 to 12 whole with 5 parts each, 13 open with 2. */
function window() {
  const made = testWindow();
  const feed = new Feed(made);
  feed.groups(10, 12);
  feed.part(13);
  feed.part(13);
  return { made, feed };
}

const cases: readonly (readonly [msn: number | undefined, part: number | undefined, expected: string, why: string])[] = [
  [undefined, undefined, 'now', 'no directive'],
  [9, undefined, 'now', 'a segment older than the window'],
  [12, undefined, 'now', 'the last whole segment'],
  [13, undefined, 'wait', 'the open segment as a whole'],
  [14, undefined, 'wait', 'two past the last whole segment'],
  [15, undefined, 'too-far', 'three past the last whole segment'],
  [13, 1, 'now', 'the newest part'],
  [13, 2, 'wait', 'the next part'],
  [13, 16, 'wait', 'the newest part plus the advance part limit of 15'],
  [13, 17, 'too-far', 'beyond the advance part limit'],
  [14, 0, 'wait', 'part 0 of the next segment'],
  [12, 4, 'now', 'the last part of a whole segment'],
  [12, 5, 'now', 'past the end of a whole segment: part 0 of the next, which is there'],
  [9, 7, 'now', 'a part older than the window'],
];

test.each(cases)('rfc8216bis 6.2.5.2: _HLS_msn=%s _HLS_part=%s is %s: %s', (msn, part, expected) => {
  expect(readiness(window().made, { msn, part, skip: false }, millis(200))).toBe(expected);
});

test('a part past the end of the last whole segment waits for part 0 of the next', () => {
  const made = testWindow();
  const feed = new Feed(made);
  feed.groups(10, 12);
  expect(readiness(made, { msn: 12, part: 5, skip: false }, millis(200))).toBe('wait');
  feed.part(13);
  expect(readiness(made, { msn: 12, part: 5, skip: false }, millis(200))).toBe('now');
});

test('everybody waits for the first whole segment', () => {
  const made = testWindow();
  const feed = new Feed(made);
  expect(readiness(made, { msn: undefined, part: undefined, skip: false }, millis(200))).toBe('wait');
  expect(readiness(made, { msn: 500, part: 3, skip: false }, millis(200))).toBe('wait');
  feed.group(10);
  expect(readiness(made, { msn: undefined, part: undefined, skip: false }, millis(200))).toBe('now');
});

test('the gap before an epoch is no segment to begin with', () => {
  const made = testWindow();
  made.beginsEpoch();
  const feed = new Feed(made);
  feed.part(10, { epoch: 1 });
  expect(readiness(made, { msn: undefined, part: undefined, skip: false }, millis(200))).toBe('wait');
  feed.end();
  expect(readiness(made, { msn: undefined, part: undefined, skip: false }, millis(200))).toBe('now');
});

test('after ENDLIST directives are ignored', () => {
  const { made } = window();
  made.end();
  expect(readiness(made, { msn: 500, part: 3, skip: false }, millis(200))).toBe('now');
});

test('the advance part limit is three, or as many parts as make three seconds', () => {
  expect([2000, 1000, 999, 201, 200].map((target) => advancePartLimit(millis(target)))).toEqual([3, 3, 4, 15, 15]);
});
