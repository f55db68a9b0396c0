import { describe, expect, it } from 'vitest';

import { wallTime } from '#core/media/time.ts';

import { SourceClock, type Kind } from './source-clock.ts';
import { Unwrapper } from './unwrap.ts';

type Step = readonly [kind: Kind, timestamp: number, arrival: number];

function readAll(steps: readonly Step[], clockRate = 1000) {
  const clock = new SourceClock(clockRate);
  return { clock, readings: steps.map(([kind, timestamp, arrival]) => clock.read(kind, timestamp, wallTime(1e12 + arrival))) };
}

describe('32-bit timestamps', () => {
  it('go on past 2^32', () => {
    const unwrapper = new Unwrapper();
    expect([2 ** 32 - 40, 2 ** 32 - 7, 26, 60].map((stamp) => unwrapper.unwrap(stamp))).toEqual([2 ** 32 - 40, 2 ** 32 - 7, 2 ** 32 + 26, 2 ** 32 + 60]);
  });

  it('go back where the sender goes back, also past zero', () => {
    const unwrapper = new Unwrapper();
    expect([100, 60, 2 ** 32 - 5, 10].map((stamp) => unwrapper.unwrap(stamp))).toEqual([100, 60, -5, 10]);
  });

  it('unwrap alike in both tracks when the second begins after the wrap', () => {
    const video = new Unwrapper();
    video.unwrap(2 ** 32 - 10);
    expect(new Unwrapper(2 ** 32 - 10).unwrap(5)).toBe(video.unwrap(5));
  });
});

describe("the source's clock", () => {
  it('starts at zero wherever the timestamps start', () => {
    const { readings } = readAll([['video', 987_654, 0], ['audio', 987_660, 3], ['video', 987_687, 33]]);
    expect(readings.map((reading) => reading.media)).toEqual([0, 6, 33]);
  });

  it('counts in the clock rate of the protocol', () => {
    const { readings } = readAll([['video', 2 ** 32 - 3000, 0], ['video', 0, 33], ['video', 3000, 67]], 90_000);
    expect(readings.map((reading) => Math.round(reading.media))).toEqual([0, 33, 67]);
  });

  it.each([
    ['back to zero', 0],
    ['back by hours', 20_000_000 - 7_200_000],
    ['ahead by 5 s', 20_005_000],
    ['ahead by hours', 20_000_000 + 36_000_000],
    ['back across the wrap', 2 ** 32 - 5000],
  ])('splices a jump of both tracks %s and keeps them in step', (_name, to) => {
    const steps: Step[] = [];
    for (let n = 0; n < 30; n += 1) {
      steps.push(['video', 20_000_000 + n * 40, n * 40], ['audio', 20_000_010 + n * 40, n * 40 + 1]);
    }
    for (let n = 0; n < 30; n += 1) {
      steps.push(['video', (to + n * 40) >>> 0, 1200 + n * 40], ['audio', (to + 10 + n * 40) >>> 0, 1200 + n * 40 + 1]);
    }
    const { clock, readings } = readAll(steps);
    const video = readings.filter((_, at) => at % 2 === 0).map((reading) => reading.media);
    const audio = readings.filter((_, at) => at % 2 === 1).map((reading) => reading.media);
    expect(clock.jumps).toBe(2);
    expect(video).toEqual(Array.from({ length: 60 }, (_, n) => n * 40));
    expect(audio).toEqual(video.map((media) => media + 10));
  });

  it('keeps the relation of the tracks when one jumps a while before the other', () => {
    const { readings } = readAll([
      ['audio', 1000, 0], ['video', 1000, 0], ['audio', 1040, 40], ['video', 1040, 40],
      ['audio', 50, 80], ['video', 1080, 80], ['audio', 90, 120], ['video', 90, 120], ['audio', 130, 160], ['video', 130, 160],
    ]);
    expect(readings.slice(6).map((reading) => reading.media)).toEqual([120, 120, 160, 160]);
  });

  it('keeps the relation of the tracks through a jump although the sound is delayed just then', () => {
    const { readings } = readAll([
      ['video', 1000, 0], ['audio', 1010, 1], ['video', 1040, 40], ['audio', 1050, 41],
      ['video', 80, 80], ['audio', 90, 380], ['audio', 130, 381], ['video', 120, 382],
    ]);
    expect(readings.map((reading) => reading.media)).toEqual([0, 10, 40, 50, 80, 90, 130, 120]);
  });

  it('takes a gap for a gap: the camera slept', () => {
    const { clock, readings } = readAll([['video', 0, 0], ['video', 33, 33], ['video', 5033, 5033], ['video', 5067, 5067]]);
    expect(readings.map((reading) => reading.media)).toEqual([0, 33, 5033, 5067]);
    expect(clock.jumps).toBe(0);
  });

  it('takes a burst after a stalled connection for what it is, frames missing inside', () => {
    const { clock, readings } = readAll([['video', 0, 0], ['video', 33, 33], ['video', 67, 6000], ['video', 4067, 6001], ['video', 4100, 6002]]);
    expect(readings.map((reading) => reading.media)).toEqual([0, 33, 67, 4067, 4100]);
    expect(clock.jumps).toBe(0);
  });

  it('lets a file be sent faster than it plays', () => {
    const { clock } = readAll(Array.from({ length: 300 }, (_, n): Step => ['video', n * 40, n * 2]));
    expect(clock.jumps).toBe(0);
  });

  it('aligns by arrival tracks that do not share a zero, and says so', () => {
    const { readings } = readAll([['video', 0, 0], ['video', 33, 33], ['audio', 7_200_000, 40], ['audio', 7_200_023, 63]]);
    expect(readings.map((reading) => reading.media)).toEqual([0, 33, 40, 63]);
    expect(readings[2]?.unrelated).toBe(7_199_960);
  });

  it('keeps a skew that a slow video encoder may well have', () => {
    const { clock, readings } = readAll([['audio', 1000, 0], ['audio', 1023, 23], ['video', 0, 30]]);
    expect(readings.map((reading) => reading.media)).toEqual([0, 23, -1000]);
    expect(clock.audioLag()).toBe(-1030);
  });
});
