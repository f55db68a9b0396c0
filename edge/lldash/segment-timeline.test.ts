import { expect, test } from 'vitest';

import { ticks } from '#core/media/time.ts';

import { segmentTimeline } from './segment-timeline.ts';

const cases: readonly (readonly [durations: readonly number[], text: string])[] = [
  [[], '<SegmentTimeline/>'],
  [[90_000], '<SegmentTimeline><S t="500" d="90000"/></SegmentTimeline>'],
  [[90_000, 90_000, 90_000], '<SegmentTimeline><S t="500" d="90000" r="2"/></SegmentTimeline>'],
  [[96_256, 96_256, 95_232, 96_256], '<SegmentTimeline><S t="500" d="96256" r="1"/><S d="95232"/><S d="96256"/></SegmentTimeline>'],
];

test.each(cases)('ISO/IEC 23009-1, 5.3.9.6: segments of %j ticks', (durations, text) => {
  let pts = 500;
  const segments = durations.map((duration, index) => ({ group: 7 + index, pts: ticks((pts += duration) - duration), ticks: ticks(duration) }));
  expect(segmentTimeline(segments)).toBe(text);
});
