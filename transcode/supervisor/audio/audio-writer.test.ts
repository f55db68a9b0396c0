import { expect, test } from 'vitest';

import type { Frame } from '#core/media/frame.ts';
import { ticks, timescale } from '#core/media/time.ts';
import { configIdOf } from '#core/media/track.ts';
import { audioRenditions, type AudioEncode } from '../../plan/audio.ts';
import { audioTrack, BROADCAST, message, sourceFrame } from '../../testing/sources.ts';
import { AudioGroups } from './audio-groups.ts';
import { AudioWriter } from './audio-writer.ts';

const encode = audioRenditions([audioTrack()], { opus: true, passAnything: false }).encode as AudioEncode;

function setUp(): { readonly writer: AudioWriter; readonly written: Frame[]; sound(n: number, group: number, index: number): void; picture(group: number, sample: number): void; opus(...pts: number[]): void } {
  const written: Frame[] = [];
  const producer = { write: (frame: Frame): boolean => written.push(frame) > 0, close: (): void => undefined };
  const groups = new AudioGroups({ mode: 'source' }, timescale(48_000));
  const writer = new AudioWriter({ broadcast: BROADCAST, epoch: 3, fence: 7, encode, groups, producer });
  return {
    writer,
    written,
    sound: (n, group, index) => groups.addAudio(sourceFrame({ pts: n * 1024, group, index, duration: 1024 }, audioTrack()), timescale(48_000)),
    picture: (group, sample) => groups.addVideoHead({ epoch: 3, group, pts: ticks((sample * 90) / 48) }),
    opus: (...pts) => pts.forEach((at) => writer.write(ticks(at), new Uint8Array(4))),
  };
}

test('encoded sound gets group, index and head, each group from the first frame at or after its start', () => {
  const { written, sound, picture, opus } = setUp();
  picture(51, 1920);
  [50, 50, 51, 51, 51].forEach((group, n) => sound(n, group, n < 2 ? n : n - 2));
  opus(0, 960, 1920, 2880);
  expect(written.map(({ group, index, pts, dts, duration, head }) => [group, index, pts, dts, duration, head === undefined])).toEqual([
    [50, 0, 0, 0, 960, false],
    [50, 1, 960, 960, 960, true],
    [51, 0, 1920, 1920, 960, false],
    [51, 1, 2880, 2880, 960, true],
  ]);
  expect(written[0]).toMatchObject({ broadcast: BROADCAST, epoch: 3, fence: 7, track: 'opus', key: true, config: configIdOf(encode.config), head: { config: encode.config } });
});

test('what a new encoder repeats is dropped, and lies on the grid whatever its time base made of it', () => {
  const { writer, written, sound, opus } = setUp();
  [0, 1, 2, 3, 4].forEach((n) => sound(n, 50, n));
  opus(0, 960, 1920);
  opus(0, 961, 1919, 2881);
  expect(written.map(({ index, pts }) => [index, pts])).toEqual([[0, 0], [1, 960], [2, 1920], [3, 2880]]);
  expect(writer.counts).toMatchObject({ frames: 4, droppedFrames: 3 });
  expect(writer.end).toBe(3840);
});

test('a frame that waits for its group keeps those behind it waiting', () => {
  const { writer, written, sound, picture, opus } = setUp();
  sound(0, 50, 0);
  sound(1, 51, 0);
  sound(2, 51, 1);
  opus(0, 960, 1920);
  expect(written.length).toBe(0);
  picture(51, 960);
  writer.settle();
  expect(written.map(({ group, index }) => [group, index])).toEqual([[50, 0], [51, 0], [51, 1]]);
});

test('where there is no picture, encoded sound carries the messages of the source\'s sound', () => {
  const written: Frame[] = [];
  const groups = new AudioGroups({ mode: 'grid', firstGroup: 50, firstSecond: 0 }, timescale(48_000));
  const writer = new AudioWriter({ broadcast: BROADCAST, epoch: 3, fence: 7, encode, groups, producer: { write: (frame) => written.push(frame) > 0 } });
  [0, 1, 2, 3, 4].forEach((n) => groups.addAudio(sourceFrame({ pts: n * 1024, group: 50, index: n, duration: 1024, events: [message(n, n * 1920)] }, audioTrack()), timescale(48_000)));
  [0, 960, 960, 1920, 2880, 3840].forEach((pts) => writer.write(ticks(pts), new Uint8Array(4)));
  expect(written.map(({ pts, events }) => [pts, events?.map(({ data }) => data)])).toEqual([[0, ['0']], [960, ['1']], [1920, ['2']], [2880, ['3']], [3840, ['4']]]);
});

test('at the end nothing waits any more', () => {
  const { writer, written, sound, opus } = setUp();
  sound(0, 50, 0);
  opus(0, 960);
  writer.flush();
  expect(written.map(({ group, index }) => [group, index])).toEqual([[50, 0], [50, 1]]);
});
