import { expect, test } from 'vitest';

import { timescale } from '#core/media/time.ts';
import { trackName } from '#core/media/track.ts';

import { PeriodAnchors } from './period-anchors.ts';
import { row, STARTED_AT, type RowFields } from './testing/rows.ts';

const video = trackName('video');
const audio = trackName('audio');

function anchorsOf(...begun: readonly (readonly [group: number, fields?: RowFields])[]): PeriodAnchors {
  const anchors = new PeriodAnchors(STARTED_AT);
  begun.forEach(([group, fields]) => anchors.begin(video, row(group, fields)));
  return anchors;
}

const told = (anchors: PeriodAnchors) => anchors.all.map(({ id, group, start, mediaStart }) => ({ id, group, start, mediaStart }));

test('a period begins with the broadcast, and with each epoch', () => {
  const anchors = anchorsOf([100, { shift: 3 }], [101], [110, { epoch: 1, at: 14.5 }], [111, { epoch: 1, at: 15.5 }]);
  expect(told(anchors)).toEqual([
    { id: '0', group: 100, start: 0, mediaStart: 0 },
    { id: '1', group: 110, start: 14_480, mediaStart: 14_480 },
  ]);
});

test('presentation time is wall time: a shift between the two stands between start and media time', () => {
  const anchors = anchorsOf([100, { at: 1, shift: -713 }]);
  expect(told(anchors)).toEqual([{ id: '0', group: 100, start: 280, mediaStart: 1000 }]);
});

test('what would be shown before the presentation begins is cut', () => {
  expect(told(anchorsOf([100, { shift: -250 }]))).toEqual([{ id: '0', group: 100, start: 0, mediaStart: 240 }]);
});

test('starts are whole numbers of ticks in every timescale', () => {
  const { mediaStart } = anchorsOf([100, { at: 7.777, shift: 123 }]).all[0] ?? { mediaStart: 0.5 };
  for (const rate of [90_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 11_025, 8000]) {
    expect(Number.isInteger((mediaStart * rate) / 1000), `${rate}`).toBe(true);
  }
});

test('an epoch that follows at once goes on without a jump, though its wall time is estimated anew', () => {
  const anchors = anchorsOf([100, { shift: -13 }], [101, { epoch: 1, shift: -90 }]);
  expect(told(anchors).map(({ start, mediaStart }) => start - mediaStart)).toEqual([0, 0]);
});

test('after a group that every rendition lost another period begins: numbers and times go on together only without a hole', () => {
  const anchors = anchorsOf([100], [101], [104]);
  anchors.begin(audio, row(101, { timescale: timescale(48_000), config: 'a' }));
  anchors.begin(audio, row(104, { timescale: timescale(48_000), config: 'a' }));
  expect(told(anchors)).toEqual([
    { id: '0', group: 100, start: 0, mediaStart: 0 },
    { id: '0-104', group: 104, start: 4000, mediaStart: 4000 },
  ]);
});

test('a group that one rendition alone lost changes nothing', () => {
  const anchors = anchorsOf([100], [101], [102]);
  anchors.begin(audio, row(100));
  anchors.begin(audio, row(102));
  expect(told(anchors)).toHaveLength(1);
});

test('with another configuration another period begins: a representation has one init segment', () => {
  expect(told(anchorsOf([100], [101, { config: 'd' }], [102, { config: 'd' }])).map(({ id }) => id)).toEqual(['0', '0-101']);
});

test('of an epoch that has another configuration the tracks need not begin with one group', () => {
  const anchors = anchorsOf([100]);
  anchors.begin(audio, row(100, { config: 'a' }));
  anchors.begin(video, row(110, { epoch: 1, config: 'd' }));
  anchors.begin(audio, row(111, { epoch: 1, config: 'b' }));
  expect(told(anchors).map(({ id }) => id)).toEqual(['0', '1']);
});

test('as long as nobody knows of a period, a better estimate of wall time puts it right; once told it stays, and a drift begins a new one', () => {
  const anchors = anchorsOf([100, { shift: 0 }], [101, { shift: 750 }]);
  expect(told(anchors)).toEqual([{ id: '0', group: 100, start: 760, mediaStart: 0 }]);
  anchors.tell();
  anchors.begin(video, row(102, { shift: 800 }));
  expect(told(anchors)).toHaveLength(1);
  anchors.begin(video, row(103, { shift: 900 }));
  expect(told(anchors)).toEqual([
    { id: '0', group: 100, start: 760, mediaStart: 0 },
    { id: '0-103', group: 103, start: 3920, mediaStart: 3000 },
  ]);
});

test('periods of which nothing is left are forgotten', () => {
  const anchors = anchorsOf([100], [110, { epoch: 1, at: 20 }], [120, { epoch: 2, at: 40 }]);
  anchors.forgetBefore(1, 111);
  expect(told(anchors).map(({ id }) => id)).toEqual(['1', '2']);
});
