import { describe, expect, it } from 'vitest';
import { millis, wallTime } from '#core/media/time.ts';
import { LipSync } from './lip-sync.ts';
import { MediaClock, readClock } from './media-clock.ts';

describe('the clock of media', () => {
  const clock = new MediaClock();

  it('knows nothing before it was told', () => {
    expect(clock.capturedAt('video', 1)).toBeUndefined();
  });

  it.each([
    ['video', 1_000, 10_000],
    ['video', 1_000 + 90 * 40, 10_040],
    ['video', 1_000 - 90 * 40, 9_960],
    // Past the wrap of 32 bits.
    ['audio', (0xffff_ff00 + 48 * 1_000) >>> 0, 11_000],
    ['audio', 0xffff_ff00 - 48 * 1_000, 9_000],
  ] as const)('%s %i was captured at %i', (kind, timestamp, at) => {
    clock.point = { wall: wallTime(10_000), video: 1_000, audio: 0xffff_ff00 };
    expect(clock.capturedAt(kind, timestamp)).toBeCloseTo(at);
  });

  it('knows nothing of what it was not told', () => {
    clock.point = { wall: wallTime(10_000), video: undefined, audio: 5 };
    expect(clock.capturedAt('video', 5)).toBeUndefined();
  });

  it('is read from an event, whatever that holds', () => {
    expect(readClock({ wall: 5, video: 1, audio: 'x' })).toEqual({ wall: 5, video: 1, audio: undefined });
    for (const data of [null, 3, {}, { wall: 'now' }, { wall: Number.NaN }]) {
      expect(readClock(data)).toBeUndefined();
    }
  });
});

describe('sound and picture', () => {
  /** Runs against buffers that hold what they are asked for, or what their own jitter asks for. */
  function run(natural: number, seconds: number, own = { video: 20, audio: 50 }) {
    const lips = new LipSync();
    let kept = own;
    let late = natural;
    let targets = { video: millis(0), audio: millis(0) };
    for (let second = 0; second < seconds; second += 1) {
      late = natural - (kept.video - own.video) + (kept.audio - own.audio);
      targets = lips.step({ late: millis(late), video: millis(kept.video), audio: millis(kept.audio) });
      kept = { video: Math.max(own.video, targets.video), audio: Math.max(own.audio, targets.audio) };
    }
    return { late, targets };
  }

  it.each([0, 30, 52, -25])('are left alone while nobody notices (%i ms)', (natural) => {
    expect(run(natural, 20).targets).toEqual({ video: 0, audio: 0 });
  });

  it.each([110, 300])('are brought together by keeping the picture back when sound is late (%i ms)', (natural) => {
    const { late, targets } = run(natural, 60);
    expect(late).toBeGreaterThan(20);
    expect(late).toBeLessThan(56);
    expect(targets.audio).toBe(0);
  });

  it('are brought together by keeping sound back when the picture is late', () => {
    const { late, targets } = run(-120, 60);
    expect(late).toBeGreaterThan(-37);
    expect(targets.video).toBe(0);
  });

  it('are let go when the trouble is over', () => {
    const lips = new LipSync();
    for (let second = 0; second < 6; second += 1) {
      lips.step({ late: millis(300), video: millis(20), audio: millis(50) });
    }
    expect(lips.step({ late: undefined, video: undefined, audio: undefined }).video).toBeGreaterThan(50);
    for (let second = 0; second < 20; second += 1) {
      lips.step({ late: millis(10), video: millis(20), audio: millis(50) });
    }
    expect(lips.step({ late: millis(10), video: millis(20), audio: millis(50) })).toEqual({ video: 0, audio: 0 });
  });

  it('are left alone in the first seconds, and when a single look is off', () => {
    const lips = new LipSync();
    const late = [400, 350, 300, 250, 40, 30, 300, 30, 30, 30];
    for (const by of late) {
      expect(lips.step({ late: millis(by), video: millis(20), audio: millis(300) })).toEqual({ video: 0, audio: 0 });
    }
  });

  it('never ask for more than can be borne', () => {
    const lips = new LipSync();
    for (let second = 0; second < 50; second += 1) {
      lips.step({ late: millis(10_000), video: millis(9_000), audio: millis(50) });
    }
    expect(lips.step({ late: millis(10_000), video: millis(9_000), audio: millis(50) }).video).toBe(600);
  });
});
