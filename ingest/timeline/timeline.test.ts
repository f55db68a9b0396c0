import { describe, expect, it } from 'vitest';

import { MAX_GROUP_SECONDS } from '#core/media/grouping.ts';
import { wallTime } from '#core/media/time.ts';

import { audioConfig, encode, START, videoConfig, type EncoderOptions } from './testing/encoder.ts';
import { expectOrdered, startsOf } from './testing/expect.ts';
import { Recorder } from './testing/recorder.ts';

const rates = [
  ['23.976', 24_000 / 1001, 3753.75],
  ['24', 24, 3750],
  ['25', 25, 3600],
  ['29.97', 30_000 / 1001, 3003],
  ['30', 30, 3000],
  ['50', 50, 1800],
  ['59.94', 60_000 / 1001, 1501.5],
  ['60', 60, 1500],
  ['15', 15, 6000],
  ['12', 12, 7500],
  ['10', 10, 9000],
] as const;

describe('a constant frame rate', () => {
  for (const bFrames of [0, 2]) {
    it.each(rates)(`of %s is snapped to its grid to the tick, with ${bFrames} B-frames`, (_name, fps, frameTicks) => {
      for (const [round, clock] of [[Math.round, 0], [Math.floor, 123_456.7], [Math.round, 2 ** 32 - 1500.2]] as const) {
        const recorder = new Recorder().feed(encode({ fps, gop: Math.round(fps), bFrames, round, clock, seconds: 5 }));
        const video = recorder.of('video');
        const first = video[0]?.dts ?? NaN;
        expect(recorder.starts).toHaveLength(1);
        expect(video).toHaveLength(Math.round(fps * 5));
        video.forEach((frame, n) => {
          expect(frame.dts).toBe(first + Math.round(n * frameTicks));
          expect(Math.abs(frame.dts + frame.duration - (first + (n + 1) * frameTicks))).toBeLessThanOrEqual(0.5);
          expect(frame.pts).toBe(first + Math.round(Math.round((frame.pts - first) / frameTicks) * frameTicks));
        });
        expect(new Set(video.map((frame) => frame.pts)).size).toBe(video.length);
        expect(recorder.starts[0]?.tracks[0]).toMatchObject({
          config: { frameDuration: expect.closeTo(frameTicks, 6) as number, reordered: bFrames > 0 },
          video: { variableFrameRate: false, bFrames: bFrames > 0 },
        });
        expectOrdered(recorder.frames);
      }
    });
  }

  it('leaves a hole where frames were dropped, and goes on on the grid', () => {
    const recorder = new Recorder().feed(encode({ gop: 30, seconds: 6, drop: (n) => n >= 100 && n < 104 }));
    const slots = recorder.of('video').map((frame) => (frame.dts - (recorder.of('video')[0]?.dts ?? 0)) / 3000);
    expect(slots).toEqual(Array.from({ length: 180 }, (_, n) => n).filter((n) => n < 100 || n >= 104));
    expect(recorder.starts).toHaveLength(1);
  });

  it('is kept over a long time without drift, 59.94 fps over ten minutes', () => {
    const recorder = new Recorder().feed(encode({ fps: 60_000 / 1001, gop: 60, seconds: 600, audio: false }));
    const video = recorder.of('video');
    expect(recorder.starts).toHaveLength(1);
    expect((video.at(-1)?.dts ?? 0) - (video[0]?.dts ?? 0)).toBe(Math.round((video.length - 1) * 1501.5));
  });

  it('that changes begins an epoch with the new rate at a key frame, without holding frames back', () => {
    const slow = encode({ fps: 30, gop: 30, seconds: 6, audio: false });
    const fast = encode({ fps: 60, gop: 60, seconds: 8, clock: 6000, startedAt: START + 6000, audio: false });
    const recorder = new Recorder().feed([...slow, ...fast]);
    expect(recorder.starts.map((start) => start.tracks[0]?.config.frameDuration)).toEqual([3000, 1500]);
    expect(recorder.of('video')).toHaveLength(180 + 480);
    expectOrdered(recorder.frames);
    const last = recorder.of('video').at(-1);
    expect((last?.dts ?? 0) / 90_000).toBeCloseTo(14, 0);
  });
});

describe('the hold at the start of an epoch', () => {
  it('ends at the second key frame, and frames then come out in the order of their dts', () => {
    const recorder = new Recorder().feed(encode({ gop: 45, seconds: 1.5 }).filter((sample) => sample.arrival < START + 1500));
    expect(recorder.frames).toHaveLength(0);
    recorder.feed(encode({ gop: 45, seconds: 1.6 }).filter((sample) => sample.arrival >= START + 1500));
    const seconds = recorder.frames.map((frame) => frame.dts / (frame.track === 'video' ? 90_000 : 48_000));
    expect(seconds.slice(0, 80)).toEqual(seconds.slice(0, 80).toSorted((a, b) => a - b));
    expect(recorder.starts[0]).toMatchObject({ grouping: { mode: 'source' }, tracks: [{ video: { gopSeconds: 1.5 } }, {}] });
  });

  it('ends after 2.1 s of media where no second key frame comes', () => {
    const recorder = new Recorder().feed(encode({ gop: 250, seconds: 3 }));
    expect(recorder.starts[0]?.grouping).toEqual({ mode: 'grid', firstGroup: 1000, firstSecond: 1 });
    expect(recorder.givenAt[0]).toBe(START + 2140);
    expect(recorder.codes()).toEqual(['source/long-gop']);
  });

  it('ends by wall time where media stalls', () => {
    const recorder = new Recorder().feed(encode({ gop: 30, seconds: 0.5 })).runTo(wallTime(START + 10_000));
    expect(recorder.givenAt[0]).toBe(START + 40 + 2500);
    expect(recorder.of('video')).toHaveLength(15);
  });

  it('begins at a key frame', () => {
    const recorder = new Recorder().feed(encode({ gop: 30, seconds: 4 }).filter((sample) => sample.arrival > START + 200));
    expect(recorder.of('video')[0]).toMatchObject({ key: true, index: 0, group: 1000 });
    expect(recorder.of('video')).toHaveLength(90);
  });

  it('is short where the publisher is known from before', () => {
    const first = new Recorder().feed(encode({ gop: 60, seconds: 5 }));
    const again = new Recorder({ memory: first.timeline.memory }).feed(encode({ gop: 60, seconds: 2 }));
    expect(again.givenAt[0]).toBeLessThan(START + 40 + 250);
    expect(again.starts[0]).toMatchObject({ grouping: { mode: 'source' }, tracks: [{ video: { frameRate: 30 } }, {}] });
  });

  it('is as long as ever where the known publisher sends something else', () => {
    const first = new Recorder().feed(encode({ fps: 30, gop: 60, seconds: 5 }));
    const again = new Recorder({ memory: first.timeline.memory }).feed(encode({ fps: 25, gop: 50, seconds: 4 }));
    expect(again.givenAt[0]).toBe(START + 2040);
    expect(again.starts[0]?.tracks[0]?.video?.frameRate).toBe(25);
  });

  it('judges afresh once the key-frame interval was mended', () => {
    const first = new Recorder().feed(encode({ gop: 250, seconds: 6 }));
    expect(first.timeline.memory?.analysis.grid).toBe(true);
    const mended = new Recorder({ memory: first.timeline.memory }).feed(encode({ gop: 60, seconds: 30 }));
    expect(mended.starts.map((start) => start.grouping.mode)).toEqual(['grid', 'source']);
    expect(mended.codes()).toEqual([]);
  });

  it('stays bounded where no epoch is to be had', () => {
    const recorder = new Recorder();
    Object.defineProperty(recorder.timeline, 'grant', { value: () => undefined });
    recorder.feed(encode({ seconds: 60 }));
    expect(recorder.timeline.counts.dropped).toBeGreaterThan(1000);
  });
});

describe('groups', () => {
  it('on the grid begin whole: the first frame is shown at a whole second, with B-frames too', () => {
    for (const [fps, bFrames] of [[30, 0], [60_000 / 1001, 2], [25, 3]] as const) {
      const recorder = new Recorder({ startedAt: START - 7500 }).feed(encode({ fps, gop: 250, bFrames, seconds: 4 }));
      expect(recorder.of('video')[0]?.pts).toBe(8 * 90_000);
    }
  });

  it.each([
    ['every half second', 15, [0, 1, 2, 3]],
    ['every second', 30, [0, 1, 2, 3]],
    ['every 0.9 s', 27, [0, 1.8, 3.6]],
    ['every 2 s', 60, [0, 2]],
  ])('start at key frames at least a second apart: keys %s', (_name, gop, expected) => {
    const recorder = new Recorder().feed(encode({ gop, seconds: 4 }));
    const starts = startsOf(recorder.of('video'));
    const zero = starts[0]?.pts ?? 0;
    expect(starts.map((frame) => (frame.pts - zero) / 90_000)).toEqual(expected);
    expect(starts.map((frame) => frame.group)).toEqual(expected.map((_, at) => 1000 + at));
    expect(starts.every((frame) => frame.key)).toBe(true);
  });

  it.each([['0', 0], ['2', 2]])('hold exactly the audio that begins within them, with %s B-frames', (_name, bFrames) => {
    const recorder = new Recorder().feed(encode({ gop: 45, bFrames, seconds: 10, sampleRate: 44_100 }), { configs: [videoConfig, audioConfig(44_100)] });
    const starts = startsOf(recorder.of('video')).map((frame) => ({ group: frame.group, at: frame.pts / 90_000 }));
    for (const frame of recorder.of('audio')) {
      expect(frame.group).toBe(starts.findLast((start) => start.at <= frame.pts / 44_100 + 1e-9)?.group);
    }
    expectOrdered(recorder.frames);
  });

  it('on the grid are a pure function of pts', () => {
    const recorder = new Recorder({ startedAt: START - 7300 }).feed(encode({ gop: 250, seconds: 10 }));
    expect(recorder.starts[0]?.grouping).toEqual({ mode: 'grid', firstGroup: 1000, firstSecond: 8 });
    expect(recorder.of('video')[0]?.pts).toBe(8 * 90_000);
    for (const frame of recorder.frames) {
      expect(frame.group).toBe(1000 + Math.floor(frame.pts / (frame.track === 'video' ? 90_000 : 48_000)) - 8);
    }
  });

  it('on the grid never go back in decoding order, B-frames or not', () => {
    const recorder = new Recorder({ startedAt: START - 7950 }).feed(encode({ gop: 250, bFrames: 3, seconds: 10 }));
    expectOrdered(recorder.frames);
  });

  it('that would grow past 2.1 s are cut, and from the next key frame an epoch runs on the grid', () => {
    const regular = encode({ gop: 30, seconds: 4 });
    const long = encode({ gop: 250, seconds: 20, clock: 4000, startedAt: START + 4000 });
    const recorder = new Recorder().feed([...regular, ...long]);
    expect(recorder.starts.map((start) => start.grouping.mode)).toEqual(['source', 'grid']);
    const cut = startsOf(recorder.of('video', 0)).filter((frame) => !frame.key);
    expect(cut.length).toBeGreaterThan(0);
    expect(recorder.of('video', 1)[0]?.key).toBe(true);
    expect(recorder.codes()).toEqual(['source/long-gop']);
    for (const track of ['video', 'audio']) {
      const scale = track === 'video' ? 90_000 : 48_000;
      const starts = startsOf(recorder.of(track, 0));
      starts.slice(1).forEach((frame, at) => expect((frame.pts - (starts[at]?.pts ?? 0)) / scale).toBeLessThanOrEqual(MAX_GROUP_SECONDS + 0.022));
    }
    // The new epoch goes on where the old one ends: a group number follows its predecessor, and no frame is missing.
    const groups = recorder.of('video').map((frame) => frame.group);
    expect([...new Set(groups)]).toEqual(Array.from({ length: new Set(groups).size }, (_, at) => 1000 + at));
    expect(recorder.of('video')).toHaveLength(120 + 600);
    expectOrdered(recorder.frames);
  });

  it('keep to the target duration when video stalls and sound goes on', () => {
    const samples = encode({ gop: 30, seconds: 20 }).filter((sample) => sample.kind === 'audio' || sample.arrival < START + 4000 || sample.arrival > START + 9000);
    const recorder = new Recorder().feed(samples);
    const starts = startsOf(recorder.of('audio'));
    starts.slice(1).forEach((frame, at) => expect((frame.pts - (starts[at]?.pts ?? 0)) / 48_000).toBeLessThanOrEqual(MAX_GROUP_SECONDS + 0.022));
    expect(recorder.starts).toHaveLength(1);
    expectOrdered(recorder.frames);
  });
});

describe('latency', () => {
  it('is none for video: a frame is given out in the turn in which it came', () => {
    const samples = encode({ gop: 30, seconds: 6 });
    const recorder = new Recorder().feed(samples);
    const arrivals = samples.filter((sample) => sample.kind === 'video').map((sample) => sample.arrival);
    const given = recorder.givenAt.filter((_, at) => recorder.frames[at]?.track === 'video');
    expect(given.slice(60)).toEqual(arrivals.slice(60));
  });

  it('is a frame of video at most for sound, and none on the grid', () => {
    for (const [gop, most] of [[30, 34], [250, 0]] as const) {
      const samples = encode({ gop, seconds: 8 });
      const recorder = new Recorder().feed(samples);
      const arrivals = samples.filter((sample) => sample.kind === 'audio').map((sample) => sample.arrival);
      const given = recorder.givenAt.filter((_, at) => recorder.frames[at]?.track === 'audio');
      const waits = given.map((at, n) => at - (arrivals[n] ?? 0)).slice(150);
      expect(Math.max(...waits)).toBeLessThanOrEqual(most);
    }
  });

  it('is 100 ms for sound whose video is late', () => {
    const late = encode({ gop: 30, seconds: 6 }).map((sample) => (sample.kind === 'video' ? { ...sample, arrival: wallTime(sample.arrival + 400) } : sample));
    const recorder = new Recorder().feed(late.sort((a, b) => a.arrival - b.arrival));
    const arrivals = late.filter((sample) => sample.kind === 'audio').map((sample) => sample.arrival);
    const given = recorder.givenAt.filter((_, at) => recorder.frames[at]?.track === 'audio');
    const waits = given.map((at, n) => at - (arrivals[n] ?? 0)).slice(150);
    expect(Math.max(...waits)).toBe(100);
    expectOrdered(recorder.frames);
  });
});

describe("the encoder's clock", () => {
  it.each([
    ['back to zero', -1_000_000],
    ['back by hours', -20_000_000],
    ['ahead by 4 s', 4000],
    ['ahead by hours', 20_000_000],
  ])('may jump %s: nothing is lost, nothing repeats, sound stays with the picture', (_name, by) => {
    const options: EncoderOptions = { gop: 30, seconds: 12, clock: 1_000_000 };
    const steady = new Recorder().feed(encode(options));
    const recorder = new Recorder().feed(encode({ ...options, shift: (at) => (at >= 6010 ? by : 0) }));
    expect(recorder.starts).toHaveLength(1);
    expect(recorder.of('video')).toHaveLength(360);
    expectOrdered(recorder.frames);
    for (const track of ['video', 'audio']) {
      const limit = track === 'video' ? 3000 : 1024;
      const apart = recorder.of(track).map((frame, at) => Math.abs(frame.pts - (steady.of(track)[at]?.pts ?? NaN)));
      expect(Math.max(...apart)).toBeLessThanOrEqual(limit);
    }
    expect(recorder.codes()).toEqual(['source/timestamp-jump']);
    expect(recorder.timeline.counts.jumps).toBe(2);
  });

  it('may wrap in the middle', () => {
    const recorder = new Recorder().feed(encode({ gop: 30, seconds: 8, clock: 2 ** 32 - 4000 }));
    expect(recorder.of('video').at(-1)?.dts).toBe(239 * 3000 + (recorder.of('video')[0]?.dts ?? 0));
    expect(recorder.timeline.counts.jumps).toBe(0);
  });

  it('may be another one for sound than for picture: both are aligned by arrival, and the broadcaster is told', () => {
    const samples = encode({ gop: 30, seconds: 6 }).map((sample) => (sample.kind === 'audio' ? { ...sample, timestamp: sample.timestamp + 7_200_000 } : sample));
    const recorder = new Recorder().feed(samples);
    expect((recorder.of('audio').at(-1)?.pts ?? 0) / 48_000).toBeCloseTo((recorder.of('video').at(-1)?.pts ?? 0) / 90_000, 0);
    expect(recorder.codes()).toEqual(['source/av-skew']);
  });
});

describe('damaged times', () => {
  it('never put a frame on show before it is decoded', () => {
    const samples = encode({ gop: 30, seconds: 4 }).map((sample, at) => ({ ...sample, compositionOffset: [0, -1, -40, 16_777_215, NaN][at % 5] ?? 0 }));
    const recorder = new Recorder().feed(samples);
    expect(recorder.of('video')).toHaveLength(120);
    expectOrdered(recorder.frames);
    expect(recorder.codes()).toContain('source/damaged-timestamps');
  });

  it('that stand still still rise', () => {
    const samples = encode({ gop: 30, seconds: 4 }).map((sample) => (sample.kind === 'video' ? { ...sample, timestamp: 5 } : sample));
    expectOrdered(new Recorder().feed(samples).frames);
  });
});
