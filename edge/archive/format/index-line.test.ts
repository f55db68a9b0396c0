import { describe, expect, test } from 'vitest';

import { broadcastId } from '#core/media/frame.ts';
import { ticks, wallTime } from '#core/media/time.ts';
import { configIdOf, trackName } from '#core/media/track.ts';

import { audioConfig, videoConfig } from '../../cmaf/testing/frames.ts';
import { formatLine, parseLine, type IndexLine } from './index-line.ts';

const segment = { group: 1_790_000_000, epoch: 2, pts: ticks(90_000), dts: ticks(84_000), ticks: ticks(90_090), wallTime: wallTime(1_790_000_000_033.25), volume: 3, offset: 5_000_000_000, bytes: 123_456, moof: 32, key: true };

const lines: readonly (readonly [string, IndexLine])[] = [
  ['a head', { is: 'head', head: { broadcast: broadcastId('testtest1'), stream: 'show', startedAt: wallTime(1.5e12), isRecording: true, track: trackName('video'), kind: 'video' } }],
  ['a volume of pictures', { is: 'volume', volume: 0, config: configIdOf(videoConfig), trackConfig: videoConfig, initBytes: 653 }],
  ['a volume of sound', { is: 'volume', volume: 7, config: configIdOf(audioConfig), trackConfig: audioConfig, initBytes: 600 }],
  ['a segment', { is: 'segment', segment }],
  ['the end of a volume', { is: 'finished', volume: 3, bytes: 6_000_000_000 }],
  ['a volume that is gone', { is: 'dropped', volume: 3 }],
];

describe('a line of an index', () => {
  test.each(lines)('of %s is read as it was written', (_name, line) => {
    const text = formatLine(line);
    expect(text.indexOf('\n')).toBe(text.length - 1);
    expect(parseLine(text.slice(0, -1))).toEqual(line);
  });

  test.each(lines)('of %s that is cut off anywhere says nothing', (_name, line) => {
    const text = formatLine(line).slice(0, -1);
    for (let length = 0; length < text.length; length++) {
      expect(parseLine(text.slice(0, length)), text.slice(0, length)).toBeUndefined();
    }
  });

  test.each([
    ['a group that is no number', { group: '5' }],
    ['a group below zero', { group: -1 }],
    ['a fraction of a byte', { bytes: 1.5 }],
    ['no offset', { at: undefined }],
    ['an instant that is none', { wall: null }],
    ['an instant that is text', { wall: '5' }],
    ['an instant that no date can tell', { wall: 1e300 }],
    ['a flag that is none', { key: 1 }],
  ])('of a segment with %s says nothing', (_name, change) => {
    const fields = JSON.parse(formatLine({ is: 'segment', segment })) as object;
    expect(parseLine(JSON.stringify({ ...fields, ...change }))).toBeUndefined();
  });

  test.each([
    ['whose configuration is another', (text: string) => text.replace('"width":640', '"width":641')],
    ['of an unknown kind', (text: string) => text.replace('"volume"', '"chapter"')],
    ['without a description', (text: string) => text.replace('"description"', '"d"')],
    ['of another type', () => '[1,2]'],
    ['of nothing', () => 'null'],
  ])('%s says nothing', (_name, damage) => {
    expect(parseLine(damage(formatLine(lines[1]![1]).slice(0, -1)))).toBeUndefined();
  });
});
