import { expect, test } from 'vitest';

import { millis, wallTime } from '#core/media/time.ts';

import { element, escapeXml, isoDuration, isoInstant } from './xml.ts';

const texts: readonly (readonly [text: string, written: string])[] = [
  ['plain, größe, \u{1f44f}', 'plain, größe, \u{1f44f}'],
  ['<a b="c">&amp;</a>', '&lt;a b=&quot;c&quot;&gt;&amp;amp;&lt;/a&gt;'],
  ['\t\r\n', '&#9;&#13;&#10;'],
  ['\0\b\x1f', '\uFFFD\uFFFD\uFFFD'],
  ['\uD83D alone', '\uFFFD alone'],
  ['\uFFFE\uFFFF', '\uFFFD\uFFFD'],
];

test.each(texts)('XML 1.0, 2.2 and 2.4: %j is written so that every reader takes it', (text, written) => {
  expect(escapeXml(text)).toBe(written);
});

test('an element has its attributes, without those that have no value, and its content', () => {
  expect(element('S', { t: 5, n: undefined, x: false })).toBe('<S t="5" x="false"/>');
  expect(element('A', { b: '"<' }, '<S/>', '', 'x')).toBe('<A b="&quot;&lt;"><S/>x</A>');
});

test('durations and instants are exact to a millisecond', () => {
  expect([isoDuration(millis(0)), isoDuration(millis(7_200_000)), isoDuration(millis(1.4)), isoDuration(millis(12_345))]).toEqual(['PT0S', 'PT7200S', 'PT0.001S', 'PT12.345S']);
  expect(isoInstant(wallTime(Date.UTC(2026, 0, 2, 3, 4, 5, 6) + 0.4))).toBe('2026-01-02T03:04:05.006Z');
});
