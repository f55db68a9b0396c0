import { expect, test } from 'vitest';

import { broadcastId } from '#core/media/frame.ts';
import { wallTime } from '#core/media/time.ts';

import type { ArchivedFacts } from './archive.ts';
import { outdated } from './retention.ts';

const DAY = 86_400_000;
const NOW = wallTime(100 * DAY);

/** A recording of ten bytes that began so many days ago and lasted a day. */
const recording = (id: string, daysAgo: number, change: Partial<ArchivedFacts> = {}): ArchivedFacts => ({
  id: broadcastId(id), stream: 'show', startedAt: wallTime(NOW - daysAgo * DAY), endedAt: wallTime(NOW - (daysAgo - 1) * DAY), isRecording: true, state: 'finished', bytes: 10, duration: DAY, lostGroups: 0, ...change,
});
const { endedAt: _, ...running } = recording('running1', 50, { state: 'open', bytes: 100 });
const all = [recording('newest11', 2), recording('oldest11', 20), running, recording('middle11', 9)];

test.each([
  ['for ever, without a bound', { days: 0, bytes: Infinity }, []],
  ['for a week after their end', { days: 7, bytes: Infinity }, ['oldest11', 'middle11']],
  ['for nine days after their end', { days: 9, bytes: Infinity }, ['oldest11']],
  ['within their bytes, those in progress counted and never removed', { days: 0, bytes: 115 }, ['oldest11', 'middle11']],
  ['within no bytes', { days: 0, bytes: 0 }, ['oldest11', 'middle11', 'newest11']],
  ['for a week within their bytes, where those too old make the room', { days: 7, bytes: 110 }, ['oldest11', 'middle11']],
])('recordings are kept %s', (_name, bounds, gone) => {
  expect(outdated(all, bounds, NOW)).toEqual(gone);
});
