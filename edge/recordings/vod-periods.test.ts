import { expect, test } from 'vitest';

import { ticks, timescale } from '#core/media/time.ts';

import { KeptBroadcast, KeptTrack, OTHER_CONFIG, segment } from '../rewind/testing/kept.ts';
import { vodPeriods } from './vod-periods.ts';
import { vodTimesOf } from './vod-time.ts';

/** Each period as `from-to: track first-last, ...`. */
function periods(...tracks: readonly KeptTrack[]): string[] {
  return vodPeriods(new KeptBroadcast(...tracks)).map(({ from, to, tracks: own }) => `${from}-${to}: ${own.map(({ track, segments }) => `${track.track} ${segments[0]?.group}-${segments.at(-1)?.group}`).join(', ')}`);
}

const video = (): KeptTrack => new KeptTrack('video');
const audio = (): KeptTrack => new KeptTrack('audio', 'audio');

test('an epoch without losses is one period', () => {
  expect(periods(video().groups(10, 19), audio().groups(10, 19))).toEqual(['10-20: video 10-19, audio 10-19']);
});

test('each epoch is a period of its own', () => {
  expect(periods(video().groups(10, 19).groups(50, 59, { epoch: 1 }))).toEqual(['10-20: video 10-19', '50-60: video 50-59']);
});

test('a new configuration begins a period', () => {
  expect(periods(video().groups(10, 14).groups(15, 19, { config: OTHER_CONFIG }), audio().groups(10, 19))).toEqual(['10-15: video 10-14, audio 10-14', '15-20: video 15-19, audio 15-19']);
});

test('lost groups are left out, their time is not', () => {
  expect(periods(video().groups(10, 12).groups(14, 19), audio().groups(10, 12).groups(14, 19))).toEqual(['10-14: video 10-12, audio 10-12', '14-20: video 14-19, audio 14-19']);
});

test('a track that lost a group comes back in a new period', () => {
  expect(periods(video().groups(10, 12).groups(14, 19), audio().groups(10, 19))).toEqual(['10-14: video 10-12, audio 10-13', '14-20: video 14-19, audio 14-19']);
});

test('a track may begin late and end early without one', () => {
  expect(periods(video().groups(10, 19), new KeptTrack('v360').groups(12, 17))).toEqual(['10-20: video 10-19, v360 12-17']);
});

test('the picture says where a period begins and ends, beside which sound lies a frame early or late', () => {
  const sound = audio();
  const more = { timescale: timescale(48_000), ticks: ticks(48_000) };
  sound.segments.push(segment(10, { ...more, pts: ticks(9.98 * 48_000) }));
  expect(periods(video().groups(10, 10), sound)).toEqual(['10-11: video 10-10, audio 10-10']);
});

test('sound alone has periods too', () => {
  expect(periods(audio().groups(10, 19))).toEqual(['10-20: audio 10-19']);
});

test('nothing kept, no period', () => {
  expect(periods(video())).toEqual([]);
});

test('the time of a segment in the recording counts what was lost, not the time between epochs', () => {
  const track = video().groups(10, 11).groups(13, 13).groups(50, 50, { epoch: 1 });
  const timeOf = vodTimesOf(new KeptBroadcast(track), track);
  expect(track.segments.map(timeOf)).toEqual([0, 1, 3, 4]);
  expect(timeOf({ group: 12 })).toBeUndefined();
});
