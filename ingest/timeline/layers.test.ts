import { describe, expect, it } from 'vitest';

import type { Frame } from '#core/media/frame.ts';
import { wallTime } from '#core/media/time.ts';

import type { SourceSample, VideoSourceConfig } from '../source.ts';
import { audioConfig, encode, START, videoConfig } from './testing/encoder.ts';
import { expectOrdered, startsOf } from './testing/expect.ts';
import { Recorder } from './testing/recorder.ts';

const lower: VideoSourceConfig = { ...videoConfig, codecString: 'avc1.42c01f', width: 640, height: 360 };
const lowest: VideoSourceConfig = { ...videoConfig, codecString: 'avc1.42c00d', width: 320, height: 180 };

/** The video's samples again as a layer, `delay` later, with key frames of their own. */
function layerOf(samples: readonly SourceSample[], layer: number, options: { readonly delay?: number; readonly key?: (n: number) => boolean } = {}): SourceSample[] {
  const { delay = 3, key = (n) => n % 45 === 0 } = options;
  return samples
    .filter(({ kind }) => kind === 'video')
    .map((sample, n) => ({ ...sample, layer, key: key(n), data: sample.data.subarray(0, 400), arrival: wallTime(sample.arrival + delay) }));
}

function merged(...lists: readonly (readonly SourceSample[])[]): SourceSample[] {
  return lists.flat().sort((a, b) => a.arrival - b.arrival);
}

function simulcast(samples: readonly SourceSample[], recorder = new Recorder()): Recorder {
  recorder.timeline.config(videoConfig, [lower, lowest]);
  return recorder.feed(samples, { configs: [audioConfig()] });
}

/** Group by pts of the frames of a track. */
const groupsOf = (frames: readonly Frame[]): Map<number, number> => new Map(frames.map(({ pts, group }) => [pts, group]));

describe('layers of simulcast', () => {
  it.each([
    ['on the source\'s key frames', { gop: 45 }, 'source'],
    ['on the grid of seconds', { gop: 400 }, 'grid'],
  ])('are cut at the same pts into the same groups, %s', (_what, options, mode) => {
    const samples = encode({ seconds: 12, ...options });
    const recorder = simulcast(merged(samples, layerOf(samples, 1), layerOf(samples, 2, { delay: -4, key: (n) => n === 7 })));
    expect(recorder.starts).toHaveLength(1);
    expect(recorder.starts[0]?.grouping.mode).toBe(mode);
    const video = groupsOf(recorder.of('video'));
    for (const track of ['video-1', 'video-2']) {
      const layer = groupsOf(recorder.of(track));
      expect(layer.size).toBeGreaterThan(340);
      expect([...layer].filter(([pts, group]) => video.get(pts) !== group)).toEqual([]);
    }
    expectOrdered(recorder.frames);
    const heads = startsOf(recorder.of('video-2'));
    expect(heads.length).toBeGreaterThan(7);
    expect(heads.every(({ head }) => head?.config.codecString === 'avc1.42c00d')).toBe(true);
    expect(heads.filter(({ key }) => key)).toEqual([]);
    // The same instant has one wall time, whatever the track.
    expect(heads.at(-1)?.head?.wallTime).toBe(startsOf(recorder.of('video')).find(({ group }) => group === heads.at(-1)?.group)?.head?.wallTime);
  });

  it('are told in the catalog with their place, size and bit rate', () => {
    const samples = encode({ seconds: 5 });
    const { tracks } = simulcast(merged(samples, layerOf(samples, 1), layerOf(samples, 2))).starts[0]!;
    expect(tracks.map(({ name, layer }) => [name, layer])).toEqual([['video', undefined], ['video-1', 1], ['video-2', 2], ['audio', undefined]]);
    expect(tracks[1]).toMatchObject({ config: { width: 640, frameDuration: 3000 }, bitrate: expect.closeTo(96_000, -4), video: { frameRate: 30 } });
  });

  it('nothing waits for a layer, and a layer that is silent or wild changes nothing', () => {
    const samples = encode({ seconds: 6 });
    const plain = new Recorder().feed(samples);
    const wild = layerOf(samples, 1).map((sample, n) => ({ ...sample, timestamp: (sample.timestamp + (n % 9) * 77_777_777) >>> 0 }));
    const recorder = simulcast(merged(samples, wild));
    const facts = (frames: readonly Frame[]): unknown[] => frames.map(({ group, index, pts, dts, key }) => [group, index, pts, dts, key]);
    expect(facts(recorder.of('video'))).toEqual(facts(plain.of('video')));
    expect(facts(recorder.of('audio'))).toEqual(facts(plain.of('audio')));
    expectOrdered(recorder.frames);
  });

  it('that are others make a new epoch at the next key frame, without a break where the source adapts', () => {
    const recorder = new Recorder({ adaptive: true, clockRate: 1000 });
    const samples = encode({ seconds: 12, gop: 66, jitter: (n) => (n * 7) % 11 });
    const switchAt = samples.findIndex(({ kind, key, arrival }) => kind === 'video' && key && arrival > START + 7000);
    simulcast(merged(samples.slice(0, switchAt), layerOf(samples.slice(0, switchAt), 1)), recorder);
    recorder.timeline.config(lower, [lowest]);
    recorder.feed(merged(samples.slice(switchAt), layerOf(samples.slice(switchAt), 1)), { configs: [audioConfig()] });
    expect(recorder.starts.map(({ tracks }) => tracks.map(({ name, config }) => `${name} ${config.codecString}`))).toEqual([
      ['video avc1.64001f', 'video-1 avc1.42c01f', 'video-2 avc1.42c00d', 'audio mp4a.40.2'],
      ['video avc1.42c01f', 'video-1 avc1.42c00d', 'audio mp4a.40.2'],
    ]);
    expect(recorder.starts[1]?.tracks[0]).toMatchObject({ video: { variableFrameRate: true } });
    // The rate of a layer is known although nothing was held this time.
    expect(recorder.starts[1]?.tracks[1]?.bitrate).toBeGreaterThan(50_000);
    const [first] = recorder.of('video', 1);
    const last = recorder.of('video', 0).at(-1);
    expect(first?.key).toBe(true);
    expect((first?.pts ?? NaN) - (last?.pts ?? NaN)).toBeLessThan(90 * 80);
    expect(first?.group).toBeGreaterThan(last?.group ?? Infinity);
    // It goes out in the turn in which it came.
    const at = recorder.frames.indexOf(first!);
    expect(recorder.givenAt[at]).toBe(samples[switchAt]?.arrival);
    expectOrdered(recorder.frames);
    expect(recorder.codes()).toEqual([]);
  });
});

describe('a source that adapts to the network', () => {
  const wander = (n: number): number => [0, 5, -3, 6, 1, -4, 5, -2][n % 8] ?? 0;
  const browser = (seconds: number, gop = 66): SourceSample[] => encode({ seconds, gop, jitter: wander });

  it('whose key frames come when they are asked for has no constant rate, however steady it looks', () => {
    const recorder = new Recorder({ adaptive: true }).feed(encode({ seconds: 30, gop: 66 }));
    expect(recorder.starts).toHaveLength(1);
    expect(recorder.starts[0]).toMatchObject({ grouping: { mode: 'grid' }, tracks: [{ config: { frameDuration: 0 }, video: { variableFrameRate: true, frameRate: 30 } }, {}] });
    expect(recorder.starts[0]?.tracks[0]?.video?.gopSeconds).toBeUndefined();
    // There is nothing that its broadcaster could set.
    expect(recorder.codes()).toEqual([]);
  });

  it('whose key frames are its own and regular is taken like any other', () => {
    const recorder = new Recorder({ adaptive: true }).feed(encode({ seconds: 10, gop: 60 }));
    expect(recorder.starts[0]).toMatchObject({ grouping: { mode: 'source' }, tracks: [{ config: { frameDuration: 3000 }, video: { gopSeconds: 2 } }, {}] });
  });

  it('is looked at for 2.1 s in all, whatever sizes it takes in the meantime', () => {
    const recorder = new Recorder({ adaptive: true });
    const samples = browser(6, 20);
    for (const sample of samples) {
      if (sample.kind === 'video' && sample.key && sample.arrival < START + 3500) {
        const height = 90 * (1 + Math.floor((sample.arrival - START) / 600));
        recorder.timeline.config({ ...videoConfig, height });
      }
      recorder.feed([sample], { configs: [audioConfig()] });
    }
    expect(recorder.givenAt[0]).toBeLessThan(START + 2300);
    expect(recorder.starts[0]?.tracks[0]).toMatchObject({ video: { frameRate: expect.closeTo(30, -1) } });
    expect(recorder.starts.length).toBeLessThanOrEqual(4);
    expectOrdered(recorder.frames);
  });
});
