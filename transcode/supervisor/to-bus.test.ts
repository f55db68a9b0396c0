import { describe, expect, test } from 'vitest';

import type { Frame } from '#core/media/frame.ts';
import { ticks } from '#core/media/time.ts';
import { configIdOf } from '#core/media/track.ts';
import { encodedRung } from '../plan/encoded-rung.ts';
import { BROADCAST, message, sourceFrame, videoTrack } from '../testing/sources.ts';
import { SourceTimeline } from './source-timeline.ts';
import { RungWriter } from './to-bus.ts';

function setUp(frameRate = 30): { readonly writer: RungWriter; readonly written: Frame[]; readonly timeline: SourceTimeline; picture(pts: number, key?: boolean): void } {
  const rung = encodedRung({ source: videoTrack({ frameRate }), rung: { height: 360, bitrate: 700_000 }, place: 2, why: '', faces: ['hls'] });
  const timeline = new SourceTimeline({ mode: 'source' });
  const written: Frame[] = [];
  const producer = { write: (frame: Frame): boolean => written.push(frame) > 0, close: (): void => undefined };
  const writer = new RungWriter({ broadcast: BROADCAST, epoch: 3, fence: 7, rung, timeline, producer });
  const config = { config: rung.config, id: configIdOf(rung.config) };
  return { writer, written, timeline, picture: (pts, key = false) => writer.write({ pts: ticks(pts), key, data: new Uint8Array(4) }, config) };
}

/** Two groups of three frames, and the beginning of a third. */
const source = [0, 1, 2, 3, 4, 5, 6].map((n) => sourceFrame({ pts: 90_000 + n * 3000, group: 50 + Math.floor(n / 3), index: n % 3 }));

describe('a rung\'s pictures', () => {
  test('get group, index, duration and head from the source', () => {
    const { written, timeline, picture } = setUp();
    source.forEach((frame) => timeline.add(frame));
    source.slice(0, 4).forEach(({ pts, key }) => picture(pts, key));
    expect(written.map(({ group, index, pts, dts, duration, head }) => [group, index, pts, dts, duration, head?.wallTime])).toEqual([
      [50, 0, 90_000, 90_000, 3000, 1_001_000],
      [50, 1, 93_000, 93_000, 3000, undefined],
      [50, 2, 96_000, 96_000, 3000, undefined],
      [51, 0, 99_000, 99_000, 3000, 1_001_100],
    ]);
    expect(written[0]).toMatchObject({ broadcast: BROADCAST, epoch: 3, fence: 7, track: 'v360' });
  });

  test('that begin a group elsewhere than the source, or without a key frame, are left out with the whole group', () => {
    const { writer, written, timeline, picture } = setUp();
    source.forEach((frame) => timeline.add(frame));
    picture(93_000, true);
    picture(96_000);
    picture(99_000, false);
    picture(102_000, true);
    picture(108_000, true);
    expect(written.map(({ group, index }) => [group, index])).toEqual([[52, 0]]);
    expect(writer.counts).toEqual({ frames: 1, droppedFrames: 4, lostGroups: 2 });
  });

  test('that were given out before are dropped', () => {
    const { written, timeline, picture } = setUp();
    source.forEach((frame) => timeline.add(frame));
    [90_000, 93_000, 90_000, 93_000, 96_000].forEach((pts) => picture(pts, pts === 90_000));
    expect(written.map(({ index, pts }) => [index, pts])).toEqual([
      [0, 90_000],
      [1, 93_000],
      [2, 96_000],
    ]);
  });

  test('before everything known of the source have no place', () => {
    const { writer, picture } = setUp();
    picture(90_000, true);
    writer.flush();
    expect(writer.counts).toEqual({ frames: 0, droppedFrames: 1, lostGroups: 0 });
  });

  test('carry the messages of the source at the same pts, whatever the order in which its frames came', () => {
    const { written, timeline, picture } = setUp();
    // Decoding order of a source with B-frames; the messages are those that came before each of its frames.
    const at = (n: number): number => 90_000 + n * 3000;
    const order = [[0], [3], [1, message(1, at(1))], [2], [6, message(2, at(6)), message(3, at(6))], [4], [5, message(4, at(5))]] as const;
    order.forEach(([n, ...events], index) => timeline.add(sourceFrame({ pts: at(n), group: 50, index, ...(events.length === 0 ? {} : { events }) })));
    [0, 1, 2, 3, 4, 5, 6].forEach((n) => picture(at(n), n === 0));
    expect(written.map(({ pts, events }) => [(pts - 90_000) / 3000, events?.map(({ data }) => data)])).toEqual([
      [0, undefined], [1, ['1']], [2, undefined], [3, undefined], [4, undefined], [5, ['4']], [6, ['2', '3']],
    ]);
    expect(written[6]?.events?.[0]).toEqual(message(2, at(6)));
  });

  test('carry a message once, though a new encoder gives its picture again, and on the next one where its own was lost', () => {
    const { written, timeline, picture } = setUp();
    source.forEach((frame, n) => timeline.add({ ...frame, events: [message(n, frame.pts)] }));
    picture(90_000, true);
    picture(93_000);
    // A new run, whose group 51 does not begin with a key frame.
    [90_000, 93_000, 96_000, 99_000, 102_000, 105_000, 108_000].forEach((pts) => picture(pts, pts === 90_000 || pts === 108_000));
    expect(written.map(({ group, pts, events }) => [group, pts, events?.map(({ data }) => data)])).toEqual([
      [50, 90_000, ['0']],
      [50, 93_000, ['1']],
      [50, 96_000, ['2']],
      [52, 108_000, ['3', '4', '5', '6']],
    ]);
  });

  test('of half the rate carry the messages of the frames that were left out, to the last', () => {
    const { writer, written, timeline, picture } = setUp(60);
    [0, 1, 2, 3].forEach((n) => timeline.add(sourceFrame({ pts: 90_000 + n * 1500, group: 50, index: n, duration: 1500, events: [message(n, 90_000 + n * 1500)] })));
    picture(90_000, true);
    picture(93_000);
    writer.flush();
    expect(written.map(({ pts, events }) => [pts, events?.map(({ data }) => data)])).toEqual([
      [90_000, ['0', '1']],
      [93_000, ['2', '3']],
    ]);
  });

  test('of half the rate wait for the source frame that tells how long they last', () => {
    const { writer, written, timeline, picture } = setUp(60);
    const frame = (n: number): Frame => sourceFrame({ pts: 90_000 + n * 1500, group: 50, index: n, duration: 1500 });
    timeline.add(frame(0));
    picture(90_000, true);
    expect(written).toEqual([]);
    timeline.add(frame(1));
    timeline.add(frame(2));
    writer.settle();
    expect(written.map(({ pts, duration }) => [pts, duration])).toEqual([[90_000, 3000]]);
    picture(93_000);
    writer.flush();
    expect(written.at(-1)).toMatchObject({ pts: 93_000, duration: 3000 });
  });
});
