import { expect, test } from 'vitest';

import { later, millis } from '#core/media/time.ts';
import { trackName } from '#core/media/track.ts';

import { STARTED } from '../testing/kept.ts';
import { liveCues, recordingCues, type PlacedTile } from './cues.ts';

const size = { width: 160, height: 90 };

/** Tiles of one sprite on air at these seconds. */
function tilesAt(...at: number[]): PlacedTile[] {
  return at.map((second, index) => ({
    index, size, url: 'storyboard-0.jpg',
    tile: { track: trackName('v360'), group: second, epoch: 0, place: Math.floor(second / 10), wallTime: later(STARTED, millis(second * 1000)) },
  }));
}

test('live: wall time since an instant that is named, each tile until the next one', () => {
  expect(liveCues(tilesAt(0.5, 10, 20.25), STARTED)).toBe(`WEBVTT

NOTE start 2026-01-01T00:00:00.000Z

00:00:00.500 --> 00:00:10.000
storyboard-0.jpg#xywh=0,0,160,90

00:00:10.000 --> 00:00:20.250
storyboard-0.jpg#xywh=160,0,160,90

00:00:20.250 --> 00:00:30.250
storyboard-0.jpg#xywh=320,0,160,90
`);
});

test('where nobody sent for a while, there is no cue', () => {
  expect(liveCues(tilesAt(0, 10, 55, 60), STARTED).match(/.* --> .*/g)).toEqual([
    '00:00:00.000 --> 00:00:10.000', '00:00:10.000 --> 00:00:20.000', '00:00:55.000 --> 00:01:00.000', '00:01:00.000 --> 00:01:10.000',
  ]);
});

test('a first frame that was on air before the broadcast was announced is where time begins', () => {
  expect(liveCues(tilesAt(-0.4, 10), STARTED)).toContain('NOTE start 2025-12-31T23:59:59.600Z\n\n00:00:00.000 --> 00:00:10.400\n');
});

test('nothing yet is a file without cues', () => {
  expect(liveCues([], STARTED)).toBe('WEBVTT\n\nNOTE start 2026-01-01T00:00:00.000Z\n');
  expect(recordingCues([], () => 0)).toBe('WEBVTT\n');
});

test('rows of five tiles, from the left and from the top', () => {
  const places = liveCues(tilesAt(...Array.from({ length: 25 }, (_, n) => n * 10)), STARTED).match(/#.*/g);
  expect([places?.[4], places?.[5], places?.[24]]).toEqual(['#xywh=640,0,160,90', '#xywh=0,90,160,90', '#xywh=640,360,160,90']);
});

test('a recording: its own time; what it does not have, has no cue', () => {
  const times = new Map([[100, 0], [110, 10], [500, 15.5]]);
  expect(recordingCues(tilesAt(100, 110, 300, 500), ({ group }) => times.get(group))).toBe(`WEBVTT

00:00:00.000 --> 00:00:10.000
storyboard-0.jpg#xywh=0,0,160,90

00:00:10.000 --> 00:00:15.500
storyboard-0.jpg#xywh=160,0,160,90

00:00:15.500 --> 00:00:25.500
storyboard-0.jpg#xywh=480,0,160,90
`);
});

test('a day and more has as many hours', () => {
  expect(recordingCues(tilesAt(0), () => 100 * 3600 + 61.0004)).toContain('100:01:01.000 --> 100:01:11.000');
});
