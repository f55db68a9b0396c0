import { describe, expect, test } from 'vitest';

import { timescale, VIDEO_TIMESCALE } from '#core/media/time.ts';
import type { TimedEvent } from '#core/media/timed-event.ts';
import { trackName, type ConfigId, type TrackConfig } from '#core/media/track.ts';

import { audioConfig, videoConfig } from '../llhls/testing/feed.ts';
import { listPeriods, type PeriodSources, type TrackRows } from './list-periods.ts';
import { PeriodAnchors } from './period-anchors.ts';
import type { SegmentRow } from './segment-rows.ts';
import { PART_TARGET, row, seconds, STARTED_AT, type RowFields } from './testing/rows.ts';

const configs = new Map([['c', videoConfig], ['small', { ...videoConfig, height: 180 }], ['a', audioConfig]] as [ConfigId, TrackConfig][]);

function track(name: string, rows: readonly SegmentRow[], isOffered = true): TrackRows {
  return { track: trackName(name), facts: { bandwidth: 1_000_000 }, rows, isOffered };
}

const rows = (from: number, to: number, fields: RowFields = {}): SegmentRow[] => Array.from({ length: to - from + 1 }, (_, i) => row(from + i, fields));
const open = (group: number, fields: RowFields = {}): SegmentRow => row(group, { seconds: 0.4, ...fields, grows: true });

function periodsOf(tracks: readonly TrackRows[], more: Partial<PeriodSources> = {}) {
  const anchors = new PeriodAnchors(STARTED_AT);
  const begun = tracks.flatMap(({ track: name, rows: all }) => all.map((segment) => ({ name, segment })));
  begun.sort((a, b) => a.segment.epoch - b.segment.epoch || a.segment.group - b.segment.group).forEach(({ name, segment }) => anchors.begin(name, segment));
  const ids = new Map<string, number>();
  const setId = (key: string): number => ids.get(key) ?? ids.set(key, ids.size + 1).size;
  return listPeriods({ anchors: anchors.all, tracks, configs, events: [], partTarget: PART_TARGET, goesOn: true, setId, expect: (_, set) => seconds(set.timescale / VIDEO_TIMESCALE), ...more });
}

/** Groups of each track, and of the segments in the making what they are said to last. */
const told = (periods: ReturnType<typeof periodsOf>) =>
  periods.map(({ id, sets }) => [id, ...sets.flatMap(({ tracks }) => tracks.map(({ track: name, segments }) => `${name} ${segments.map(({ group, ticks }) => (ticks === seconds(1) ? group : `${group}(${ticks})`)).join(' ')}`))]);

describe('the running period', () => {
  test('lists the group in the making, and the one after it, as long as the publisher is there', () => {
    expect(told(periodsOf([track('video', [...rows(100, 102), open(103)])]))).toEqual([['0', 'video 100 101 102 103 104']]);
    expect(told(periodsOf([track('video', rows(100, 102))]))).toEqual([['0', 'video 100 101 102 103']]);
  });

  test('lists what is there and no more once the publisher is gone', () => {
    expect(told(periodsOf([track('video', [...rows(100, 102), open(103)])], { goesOn: false }))).toEqual([['0', 'video 100 101 102 103(36000)']]);
  });

  test('offers a segment so long before its end that it can be had after its first part', () => {
    expect(periodsOf([track('video', rows(100, 102))])[0]?.sets[0]?.availabilityTimeOffset).toBe(800);
  });

  test('lists a rung that lags as the one that leads: a request for what is about to begin is held', () => {
    const [period] = periodsOf([track('video', [...rows(100, 102), open(103)]), track('v180', [...rows(100, 101, { config: 'small' }), open(102, { config: 'small' })])]);
    const [leads, lags] = period?.sets[0]?.tracks ?? [];
    expect(lags?.segments).toBe(leads?.segments);
  });

  test('lists a rung that came later from its first group on', () => {
    expect(told(periodsOf([track('video', rows(100, 104)), track('v180', rows(103, 104, { config: 'small' }))]))).toEqual([['0', 'video 100 101 102 103 104 105', 'v180 103 104 105']]);
  });

  test('leaves out a rung that the ladder has given up', () => {
    expect(told(periodsOf([track('video', rows(100, 104)), track('v180', rows(100, 102, { config: 'small' }), false)]))).toEqual([['0', 'video 100 101 102 103 104 105']]);
  });

  test('lists a rung that lost a group from the next one on: numbers count without a hole', () => {
    const holed = [...rows(100, 101, { config: 'small' }), ...rows(103, 104, { config: 'small' })];
    expect(told(periodsOf([track('video', rows(100, 104)), track('v180', holed)]))).toEqual([['0', 'video 100 101 102 103 104 105', 'v180 103 104 105']]);
  });
});

test('each segment lasts until the next one begins, whatever its samples sum up to', () => {
  const uneven = [row(100, { seconds: 1.02 }), row(101, { at: 1.01, seconds: 0.98 }), row(102)];
  const [segments] = periodsOf([track('video', uneven)], { goesOn: false }).flatMap(({ sets }) => sets.flatMap(({ tracks }) => tracks.map((listed) => listed.segments)));
  expect(segments?.map(({ ticks }) => ticks)).toEqual([seconds(1.01), seconds(0.99), seconds(1)]);
});

test('a period that is over lists what it had, whatever the ladder is now', () => {
  const before = rows(100, 102);
  const after = rows(110, 111, { epoch: 1 });
  expect(told(periodsOf([track('video', before, false), track('v180', [...rows(100, 102, { config: 'small' }), ...after.map((next) => ({ ...next, config: 'small' as ConfigId }))])]))).toEqual([
    ['0', 'video 100 101 102', 'v180 100 101 102'],
    ['1', 'v180 110 111 112'],
  ]);
});

test('renditions of one kind and codec are one set, each with an id that stays', () => {
  const sound = { config: 'a', timescale: timescale(48_000) };
  const [first, second] = periodsOf([track('video', [...rows(100, 101), ...rows(110, 111, { epoch: 1 })]), track('audio', [...rows(100, 101, sound), ...rows(110, 111, { ...sound, epoch: 1 })])]);
  expect([first, second].map((period) => period?.sets.map(({ id, kind }) => [id, kind]))).toEqual([[[1, 'video'], [2, 'audio']], [[1, 'video'], [2, 'audio']]]);
});

test('a message stands in the period that its time lies in', () => {
  const event = (at: number): TimedEvent => ({ id: `${at}`.padStart(32, '0'), type: 'poll', pts: seconds(at), data: '{}' });
  const periods = periodsOf([track('video', [...rows(100, 102), ...rows(110, 111, { epoch: 1 })])], { events: [event(0.5), event(2.9), event(10), event(11)] });
  expect(periods.map(({ events }) => events.map(({ pts }) => pts / VIDEO_TIMESCALE))).toEqual([[0.5, 2.9], [10, 11]]);
});

test('a set whose segments do not all begin with a key frame says so', () => {
  const independent = (list: readonly SegmentRow[]) => periodsOf([track('video', list)])[0]?.sets[0]?.independent;
  expect([independent(rows(100, 101)), independent([row(100), row(101, { isDependent: true })])]).toEqual([true, false]);
});

test('nothing is listed of what nothing is there of', () => {
  expect(periodsOf([track('video', [])])).toEqual([]);
});
