import { describe, expect, it } from 'vitest';

import type { Frame } from '#core/media/frame.ts';

import type { SourceConfig, SourceSample, VideoSourceConfig } from '../source.ts';
import { audioConfig, encode, START, videoConfig } from './testing/encoder.ts';
import { expectOrdered } from './testing/expect.ts';
import { Recorder } from './testing/recorder.ts';

const sized = (width: number, height: number, codecString = videoConfig.codecString): VideoSourceConfig => ({
  ...videoConfig,
  codecString,
  description: Uint8Array.of(1, 0x64, 0, width & 0xff),
  width,
  height,
});
const lower = sized(640, 360, 'avc1.64001e');
const lowest = sized(320, 180, 'avc1.64000d');

/** A browser's camera: jitter, and a key frame every 2.2 s. */
const camera = (seconds: number): SourceSample[] => encode({ seconds, gop: 66, jitter: (n) => [0, 5, -3, 6, 1, -4, 5, -2][n % 8] ?? 0 });

type Change = { readonly after: number; readonly config: VideoSourceConfig; readonly layers?: readonly VideoSourceConfig[]; readonly late?: boolean };

/** Publishes for some seconds, with changes at the first key frame after some time; `late` ones come a frame before it. */
function publish(seconds: number, changes: readonly Change[], options: { readonly layers?: readonly VideoSourceConfig[]; readonly segmentsSource?: boolean; readonly samples?: readonly SourceSample[] } = {}): Recorder {
  const recorder = new Recorder({ adaptive: true, segmentsSource: options.segmentsSource ?? false });
  const audio: SourceConfig = audioConfig();
  recorder.timeline.config(audio);
  recorder.timeline.config(videoConfig, options.layers ?? []);
  const todo = [...changes];
  for (const sample of options.samples ?? camera(seconds)) {
    const [next] = todo;
    if (next && sample.kind === 'video' && (sample.layer ?? 0) === 0 && sample.arrival > START + next.after * 1000 && (sample.key || next.late === true)) {
      recorder.runTo(sample.arrival);
      recorder.timeline.config(next.config, next.layers ?? options.layers ?? []);
      todo.shift();
    }
    recorder.feed([sample], { configs: [] });
  }
  expect(todo).toEqual([]);
  return recorder;
}

const sizesOf = (frames: readonly Frame[]): string[] =>
  frames.flatMap(({ head }) => (head?.config.kind === 'video' ? [`${head.config.width}x${head.config.height}`] : [])).filter((size, n, all) => size !== all[n - 1]);

describe('a source that adapts to the network', () => {
  it('goes on in its epoch with a smaller picture, and with a larger one again, each from a key frame with its configuration', () => {
    const recorder = publish(20, [
      { after: 5, config: sized(960, 540) },
      { after: 8, config: sized(640, 360, 'avc1.64001e') },
      { after: 12, config: videoConfig },
    ]);
    expect(recorder.starts).toHaveLength(1);
    const video = recorder.of('video');
    expect(sizesOf(video)).toEqual(['1280x720', '960x540', '640x360', '1280x720']);
    expect(video).toHaveLength(600);
    // The change itself is told where it happens, on the grid of seconds in the middle of groups.
    const changes = video.filter(({ config }, n) => n > 0 && config !== video[n - 1]?.config);
    expect(changes.map(({ key, head, config }) => [key, head !== undefined, config === changes[0]?.config])).toEqual([
      [true, true, true],
      [true, true, false],
      [true, true, false],
    ]);
    expect(changes.some(({ index }) => index > 0)).toBe(true);
    expectOrdered(recorder.frames);
    expect(recorder.of('audio').length).toBeGreaterThan(930);
  });

  it('loses only what comes between the new configuration and its key frame', () => {
    const recorder = publish(10, [{ after: 5, config: sized(960, 540), late: true }]);
    expect(recorder.starts).toHaveLength(1);
    const video = recorder.of('video');
    expect(video.length).toBeLessThan(300);
    expect(recorder.timeline.counts.dropped).toBe(300 - video.length);
    expect(video.find(({ head }) => head?.config.kind === 'video' && head.config.width === 960)?.key).toBe(true);
    expectOrdered(recorder.frames);
  });

  it('that grows beyond its epoch goes on at once, and gets one epoch for it when it has held for 3 s', () => {
    const recorder = publish(20, [
      { after: 4, config: sized(1600, 900) },
      { after: 6, config: sized(1920, 1080, 'avc1.640028') },
    ]);
    expect(sizesOf(recorder.of('video', 0))).toEqual(['1280x720', '1600x900', '1920x1080']);
    expect(recorder.starts.map(({ tracks }) => tracks[0]?.config)).toMatchObject([{ width: 1280 }, { width: 1920 }]);
    const [first] = recorder.of('video', 1);
    const grown = recorder.of('video', 0).find(({ head }) => head?.config.kind === 'video' && head.config.width === 1920);
    expect(first?.key).toBe(true);
    expect(((first?.pts ?? NaN) - (grown?.pts ?? NaN)) / 90_000).toBeGreaterThan(2.9);
    expect(recorder.of('video')).toHaveLength(600);
    expectOrdered(recorder.frames);
  });

  it('that was larger for a moment keeps its epoch', () => {
    const recorder = publish(20, [
      { after: 4, config: sized(1600, 900) },
      { after: 6, config: videoConfig },
    ]);
    expect(recorder.starts).toHaveLength(1);
  });

  it.each([
    ['of another orientation', sized(720, 1280)],
    ['of another profile', sized(640, 360, 'avc1.42001e')],
    ['of another codec', { ...sized(640, 360, 'vp8'), codec: 'vp8' as const }],
  ])('gets a new epoch at the key frame where its picture becomes one %s, with its timeline unmoved', (_what, config) => {
    const recorder = publish(14, [{ after: 8, config }]);
    expect(recorder.starts).toHaveLength(2);
    expect(recorder.starts[1]?.tracks[0]?.config).toMatchObject({ width: config.width, codec: config.codec });
    const video = recorder.of('video');
    const steps = video.slice(1).map(({ pts }, n) => pts - (video[n]?.pts ?? 0));
    // Sound may have been given out a little ahead: the timeline yields by so much, not to the next second.
    expect(Math.max(...steps)).toBeLessThan(90 * 100);
    const [first] = recorder.of('video', 1);
    // Nothing is held: it goes out in the turn in which it came.
    expect(recorder.givenAt[recorder.frames.indexOf(first!)]).toBe(camera(14).find(({ kind, key, arrival }) => kind === 'video' && key && arrival > START + 8000)?.arrival);
    expectOrdered(recorder.frames);
  });

  it('gets a new epoch with each size where HLS is given its picture as it is sent', () => {
    const recorder = publish(14, [{ after: 8, config: sized(640, 360) }], { segmentsSource: true });
    expect(recorder.starts.map(({ tracks }) => tracks[0]?.config)).toMatchObject([{ width: 1280 }, { width: 640 }]);
    expect(recorder.frames.filter(({ track, index, head }) => track === 'video' && index > 0 && head !== undefined)).toEqual([]);
    expectOrdered(recorder.frames);
  });
});

describe('layers of a source that adapts', () => {
  const simulcast = (seconds: number, change?: (sample: SourceSample) => SourceSample): SourceSample[] =>
    camera(seconds).flatMap((sample) =>
      sample.kind === 'video' ? [sample, { ...sample, layer: 1 }, { ...sample, layer: 2 }].map((one) => change?.(one) ?? one) : [sample],
    );

  it('take another size in their epoch, each at its own key frame', () => {
    const recorder = publish(14, [{ after: 5, config: videoConfig, layers: [sized(480, 270, 'avc1.64001e'), lowest] }], { layers: [lower, lowest], samples: simulcast(14) });
    expect(recorder.starts).toHaveLength(1);
    expect(['video', 'video-1', 'video-2'].map((track) => sizesOf(recorder.of(track)))).toEqual([['1280x720'], ['640x360', '480x270'], ['320x180']]);
    ['video', 'video-1', 'video-2'].forEach((track) => expect(recorder.of(track)).toHaveLength(420));
    expectOrdered(recorder.frames);
  });

  it('one stands in for the video while the best is silent, in its epoch, and beside it in its own place', () => {
    const begins = camera(14).find(({ kind, key, arrival }) => kind === 'video' && key && arrival > START + 5000)?.arrival ?? 0;
    const ends = camera(14).find(({ kind, key, arrival }) => kind === 'video' && key && arrival > START + 9000)?.arrival ?? 0;
    const recorder = new Recorder({ adaptive: true });
    recorder.timeline.config(audioConfig());
    recorder.timeline.config(videoConfig, [lower, lowest]);
    for (const sample of simulcast(14)) {
      recorder.runTo(sample.arrival);
      const away = sample.kind === 'video' && sample.arrival >= begins && sample.arrival < ends;
      if (sample.kind === 'video' && sample.key && sample.layer === 1 && sample.arrival === begins) {
        recorder.timeline.config(lower, [lower, lowest]);
      } else if (sample.kind === 'video' && sample.key && sample.layer === undefined && sample.arrival === ends) {
        recorder.timeline.config(videoConfig, [lower, lowest]);
      }
      if (!away || sample.layer !== undefined) {
        recorder.timeline.sample(away && sample.layer === 1 ? { ...sample, standsIn: true } : sample);
      }
    }
    expect(recorder.starts).toHaveLength(1);
    expect(sizesOf(recorder.of('video'))).toEqual(['1280x720', '640x360', '1280x720']);
    expect(sizesOf(recorder.of('video-1'))).toEqual(['640x360']);
    ['video', 'video-1', 'video-2'].forEach((track) => expect(recorder.of(track)).toHaveLength(420));
    const twin = recorder.of('video').find(({ config }, n, all) => n > 0 && config !== all[0]?.config);
    expect(recorder.of('video-1').find(({ pts }) => pts === twin?.pts)).toMatchObject({ group: twin?.group, data: twin?.data });
    expectOrdered(recorder.frames);
  });

  it('that stand in when an epoch begins are told of once', () => {
    const recorder = new Recorder({ adaptive: true });
    recorder.timeline.config(audioConfig());
    recorder.timeline.config(lower, [lower, lowest]);
    simulcast(6)
      .filter(({ kind, layer }) => kind === 'audio' || layer !== undefined)
      .forEach((sample) => {
        recorder.runTo(sample.arrival);
        recorder.timeline.sample(sample.layer === 1 ? { ...sample, standsIn: true } : sample);
      });
    expect(recorder.starts.map(({ tracks }) => tracks.map(({ name, config }) => [name, 'width' in config ? config.width : 0]))).toEqual([[['video', 640], ['video-2', 320], ['audio', 0]]]);
    expect(recorder.of('video-1')).toEqual([]);
    expect(recorder.of('video')).toHaveLength(180);
    expectOrdered(recorder.frames);
  });
});
