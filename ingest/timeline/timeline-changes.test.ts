import { describe, expect, it } from 'vitest';

import { wallTime } from '#core/media/time.ts';

import { audioConfig, encode, START, videoConfig } from './testing/encoder.ts';
import { expectOrdered, startsOf } from './testing/expect.ts';
import { Recorder } from './testing/recorder.ts';

describe('a variable frame rate', () => {
  const wander = (n: number): number => [0, 14, -9, 21, 4, -13, 17, -6][n % 8] ?? 0;

  it('keeps its times, runs on the grid of seconds and is told to the broadcaster', () => {
    const recorder = new Recorder().feed(encode({ gop: 30, seconds: 6, jitter: wander }));
    expect(recorder.starts[0]).toMatchObject({ grouping: { mode: 'grid' }, tracks: [{ config: { frameDuration: 0 }, video: { variableFrameRate: true } }, {}] });
    const video = recorder.of('video');
    video.forEach((frame, n) => expect(Math.abs((frame.dts - (video[0]?.dts ?? 0)) / 90 - (n * 1000) / 30 - wander(n))).toBeLessThanOrEqual(1));
    expect(recorder.codes()).toEqual(['source/variable-frame-rate']);
    expectOrdered(recorder.frames);
  });

  it('that settles is snapped from a later key frame on', () => {
    const recorder = new Recorder().feed(encode({ gop: 30, seconds: 30, jitter: (n) => (n < 120 ? wander(n) : 0) }));
    expect(recorder.starts.map((start) => start.tracks[0]?.config.frameDuration)).toEqual([0, 3000]);
    expectOrdered(recorder.frames);
  });

  it('that sets in later begins an epoch without a grid', () => {
    const recorder = new Recorder().feed(encode({ gop: 30, seconds: 20, jitter: (n) => (n > 150 ? wander(n) : 0) }));
    expect(recorder.starts.map((start) => start.tracks[0]?.config.frameDuration)).toEqual([3000, 0]);
    expectOrdered(recorder.frames);
  });
});

describe('missing tracks', () => {
  it('sound alone begins after a second without a picture, on the grid', () => {
    const recorder = new Recorder().feed(encode({ video: false, seconds: 4 }), { configs: [audioConfig()] });
    expect(recorder.givenAt[0]).toBeLessThan(START + 1100);
    expect(recorder.starts[0]).toMatchObject({ grouping: { mode: 'grid', firstGroup: 1000 }, tracks: [{ name: 'audio' }] });
    expect(recorder.of('audio')).toHaveLength(187);
    expect(recorder.codes()).toEqual(['source/no-video']);
  });

  it('sound alone begins sooner where the publisher says so', () => {
    const recorder = new Recorder().feed(encode({ video: false, seconds: 4 }), { configs: [audioConfig()], claims: { hasVideo: false } });
    expect(recorder.givenAt[0]).toBeLessThan(START + 400);
  });

  it('a picture alone works', () => {
    const recorder = new Recorder().feed(encode({ audio: false, seconds: 4 }), { configs: [videoConfig] });
    expect(recorder.starts[0]?.tracks).toHaveLength(1);
    expect(recorder.codes()).toEqual(['source/no-audio']);
  });

  it('a picture that comes late begins an epoch at its first key frame', () => {
    const samples = encode({ gop: 30, seconds: 12 }).filter((sample) => sample.kind === 'audio' || sample.arrival > START + 5000);
    const recorder = new Recorder().feed(samples.filter((sample) => sample.arrival < START + 5000), { configs: [audioConfig()] });
    recorder.feed(samples.filter((sample) => sample.arrival >= START + 5000));
    expect(recorder.starts.map((start) => start.tracks.map((track) => track.name))).toEqual([['audio'], ['video', 'audio']]);
    expect(recorder.codes()).toEqual([]);
    expectOrdered(recorder.frames);
  });

  it('sound that comes late joins at a key frame, and one that vanishes is left out', () => {
    const samples = encode({ gop: 30, seconds: 16 }).filter((sample) => sample.kind === 'video' || (sample.arrival > START + 5000 && sample.arrival < START + 9000));
    const recorder = new Recorder().feed(samples.filter((sample) => sample.arrival < START + 5000), { configs: [videoConfig] });
    recorder.feed(samples.filter((sample) => sample.arrival >= START + 5000));
    expect(recorder.starts.map((start) => start.tracks.map((track) => track.name))).toEqual([['video'], ['video', 'audio'], ['video']]);
    expect(recorder.of('video')).toHaveLength(480);
    expectOrdered(recorder.frames);
  });

  it('a picture that vanishes leaves sound alone', () => {
    const samples = encode({ gop: 30, seconds: 20 }).filter((sample) => sample.kind === 'audio' || sample.arrival < START + 5000);
    const recorder = new Recorder().feed(samples);
    expect(recorder.starts.map((start) => start.tracks.map((track) => track.name))).toEqual([['video', 'audio'], ['audio']]);
    expectOrdered(recorder.frames);
  });
});

describe('a configuration that changes in mid-stream', () => {
  it('begins an epoch at the key frame that brings it, after a short look', () => {
    const recorder = new Recorder().feed(encode({ gop: 30, seconds: 5 }));
    const before = recorder.of('video').length;
    recorder.feed(encode({ gop: 30, seconds: 5, clock: 5000, startedAt: START + 5000 }), { configs: [{ ...videoConfig, width: 640, height: 360 }, audioConfig()] });
    expect(recorder.starts.map((start) => start.tracks[0]?.config)).toMatchObject([{ width: 1280 }, { width: 640 }]);
    expect(recorder.of('video')).toHaveLength(before + 150);
    expect((recorder.givenAt[recorder.frames.findIndex((frame) => frame.epoch === 1)] ?? Infinity) - START - 5040).toBeLessThan(250);
    expectOrdered(recorder.frames);
  });

  it('is nothing where the same configuration is sent again', () => {
    const recorder = new Recorder().feed(encode({ gop: 30, seconds: 3 }));
    recorder.feed(encode({ gop: 30, seconds: 3, clock: 3000, startedAt: START + 3000 }));
    expect(recorder.starts).toHaveLength(1);
  });
});

describe('wall time', () => {
  it('is when the frame left the camera, by the fastest arrivals', () => {
    const samples = encode({ gop: 30, seconds: 10, delay: 40 }).map((sample, at) => ({ ...sample, arrival: wallTime(sample.arrival + ((at * 7) % 30)) }));
    const recorder = new Recorder().feed(samples.sort((a, b) => a.arrival - b.arrival));
    const zero = recorder.of('video')[0]?.pts ?? 0;
    for (const frame of startsOf(recorder.of('video'))) {
      expect(Math.abs((frame.head?.wallTime ?? 0) - (START + 40 + (frame.pts - zero) / 90))).toBeLessThanOrEqual(2);
    }
  });

  it('is the same line for both tracks', () => {
    const recorder = new Recorder().feed(encode({ gop: 30, seconds: 6 }));
    const offsets = new Map<number, number>();
    for (const frame of startsOf(recorder.frames)) {
      const offset = (frame.head?.wallTime ?? 0) - (frame.pts * 1000) / (frame.track === 'video' ? 90_000 : 48_000);
      expect(Math.abs(offset - (offsets.get(frame.group) ?? offset))).toBeLessThan(1e-3);
      offsets.set(frame.group, offset);
    }
  });
});
