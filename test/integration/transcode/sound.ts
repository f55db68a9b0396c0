import { execFile } from 'node:child_process';

import { expect } from 'vitest';

import type { SourceTrack } from '#core/bus/catalog.ts';
import { aacConfig } from '#core/media/codecs/aac/audio-specific-config.ts';
import { NutDemuxer } from '#core/media/containers/nut/demuxer.ts';
import { nutFrameHeader } from '#core/media/containers/nut/muxer.ts';
import type { Frame } from '#core/media/frame.ts';
import { ticks, timescale, wallTime, type Ticks } from '#core/media/time.ts';
import { configIdOf, trackName, type AudioConfig } from '#core/media/track.ts';
import { nutHeaderOfAudio } from '#transcode/supervisor/from-bus.ts';
import { BROADCAST, FIRST_WALL_TIME, groupStarts, type MadeSource } from './source.ts';

/** Sound to be made: a burst of 1 kHz, 50 ms long, each half second. */
export type SoundSpec = { readonly codec: 'aac' | 'opus'; readonly rate: number; readonly channels?: number };

const BURSTS = '0.5*sin(2*PI*1000*t)*lt(mod(t\\,0.5)\\,0.05)';

/** Adds sound to a source: groups from the picture's starts, as ingest gives them. Frames come in order of time. */
export async function withSound(made: MadeSource, spec: SoundSpec): Promise<MadeSource> {
  const begin = Math.min(...made.frames.map(({ pts }) => pts)) / 90_000;
  const end = Math.max(...made.frames.map(({ pts, duration }) => pts + duration)) / 90_000;
  const frames = await soundFrames(spec, { begin, seconds: end - begin, epoch: made.catalog.epoch, groupOf: groupsOf(made) });
  const merged = [...made.frames, ...frames].sort((a, b) => secondsOf(a) - secondsOf(b));
  return { catalog: { ...made.catalog, tracks: [...made.catalog.tracks, soundTrack(frames)] }, frames: merged };
}

/** The group of a second of the timeline (ADR 0001, rule 3). */
export function groupsOf(made: MadeSource): (at: number) => number | undefined {
  const { grouping } = made.catalog;
  if (grouping.mode === 'grid') {
    return (at) => grouping.firstGroup + Math.floor(at) - grouping.firstSecond;
  }
  const starts = [...groupStarts({ ...made, frames: made.frames.filter(({ track }) => track === trackName('video')) })];
  return (at) => starts.findLast(([, pts]) => pts / 90_000 <= at)?.[0];
}

/** Sound without a picture, on the grid. */
export async function soundAlone(spec: SoundSpec, seconds: number): Promise<MadeSource> {
  const [firstGroup, firstSecond] = [1_700_000_000, 10];
  const frames = await soundFrames(spec, { begin: firstSecond, seconds, epoch: 0, groupOf: (at) => firstGroup + Math.floor(at) - firstSecond });
  return {
    catalog: { stream: 'test', broadcast: BROADCAST, epoch: 0, fence: 1, protocol: 'rtmp', grouping: { mode: 'grid', firstGroup, firstSecond }, tracks: [soundTrack(frames)] },
    frames,
  };
}

/** Presentation time in seconds, of the picture by dts. */
export function secondsOf(frame: Frame): number {
  return frame.dts / (frame.track === trackName('video') ? 90_000 : rateOf(frame));
}

const rates = new Map<string, number>();

/** The rate of a frame of sound: heads carry it, the others have its id. */
function rateOf(frame: Frame): number {
  return rates.get(frame.config) ?? 48_000;
}

/** Where bursts begin, in seconds of the timeline, when frames are decoded and laid at their pts. */
export async function burstsIn(frames: readonly Frame[], config: AudioConfig): Promise<number[]> {
  const samples = await decoded(frames, config);
  const first = (frames[0]?.pts ?? 0) / config.sampleRate;
  const onsets: number[] = [];
  let quiet = Infinity;
  samples.forEach((sample, at) => {
    quiet += 1;
    if (Math.abs(sample) > 0.15) {
      if (quiet > config.sampleRate / 10) {
        onsets.push(first + at / config.sampleRate);
      }
      quiet = 0;
    }
  });
  return onsets;
}

/** Every burst of the source that the encoded frames cover is there, within 2 ms: less than the delay of either encoder. */
export async function expectInSync(source: readonly Frame[], encoded: readonly Frame[], configs: { readonly source: AudioConfig; readonly encoded: AudioConfig }): Promise<void> {
  const from = (encoded[0]?.pts ?? 0) / configs.encoded.sampleRate + 0.1;
  const to = (encoded.at(-1)?.pts ?? 0) / configs.encoded.sampleRate - 0.1;
  const wanted = (await burstsIn(source, configs.source)).filter((at) => at > from && at < to);
  const found = (await burstsIn(encoded, configs.encoded)).filter((at) => at > from && at < to);
  expect(wanted.length).toBeGreaterThan(3);
  expect(found.length).toBe(wanted.length);
  found.forEach((at, place) => expect(Math.abs(at - (wanted[place] ?? 0)), `burst ${place} at ${at}`).toBeLessThan(0.002));
}

async function soundFrames(spec: SoundSpec, place: { readonly begin: number; readonly seconds: number; readonly epoch: number; readonly groupOf: (at: number) => number | undefined }): Promise<Frame[]> {
  const { config, packets } = await encodeSound(spec, place.seconds);
  const id = configIdOf(config);
  rates.set(id, config.sampleRate);
  const first = Math.ceil(place.begin * config.sampleRate);
  let group = -1;
  let index = 0;
  return packets.map((data, at): Frame => {
    const pts = ticks(first + at * config.frameDuration);
    const own = Math.max(group, place.groupOf(pts / config.sampleRate) ?? -1);
    index = own > group ? 0 : index + 1;
    group = own;
    const head = index === 0 ? { head: { config, wallTime: wallTime(FIRST_WALL_TIME + (pts / config.sampleRate) * 1000) } } : {};
    return { broadcast: BROADCAST, epoch: place.epoch, fence: 1, track: trackName('audio'), group, index, pts, dts: pts, duration: ticks(config.frameDuration), key: true, config: id, data, ...head };
  });
}

function soundTrack(frames: readonly Frame[]): SourceTrack {
  const config = frames[0]?.head?.config;
  if (config === undefined) {
    throw new Error('no sound was made');
  }
  return { name: trackName('audio'), config, bitrate: 128_000 };
}

async function encodeSound({ codec, rate, channels = 2 }: SoundSpec, seconds: number): Promise<{ readonly config: AudioConfig; readonly packets: readonly Uint8Array[] }> {
  const input = `aevalsrc=${Array.from({ length: channels }, () => BURSTS).join('|')}:s=${rate}`;
  const encoder = codec === 'aac' ? ['-c:a', 'aac'] : ['-c:a', 'libopus'];
  const bytes = await ffmpeg(['-f', 'lavfi', '-i', input, '-t', String(seconds), ...encoder, '-b:a', '128k', '-f', 'nut', 'pipe:1']);
  const demuxer = new NutDemuxer();
  const packets = demuxer.push(bytes).map(({ data }) => data);
  const opus: AudioConfig = { kind: 'audio', codec: 'opus', codecString: 'opus', description: new Uint8Array(11), sampleRate: 48_000, channels, timescale: timescale(48_000), frameDuration: 960 };
  return { config: codec === 'aac' ? aacConfig(demuxer.streams[0]?.description ?? new Uint8Array()) : opus, packets };
}

/** Mono samples of frames, one after another whatever their pts. */
async function decoded(frames: readonly Frame[], config: AudioConfig): Promise<Float32Array> {
  const chunks = frames.flatMap((frame, at) => {
    const pts = (at * config.frameDuration) as Ticks;
    return [nutFrameHeader({ stream: 0, pts, key: true, size: frame.data.byteLength }), frame.data];
  });
  const pcm = await ffmpeg(['-f', 'nut', '-i', 'pipe:0', '-ac', '1', '-f', 'f32le', 'pipe:1'], Buffer.concat([nutHeaderOfAudio(config), ...chunks]));
  return new Float32Array(pcm.slice().buffer);
}

async function ffmpeg(args: readonly string[], input?: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const child = execFile('ffmpeg', ['-v', 'error', ...args], { encoding: 'buffer', maxBuffer: 64 * 1024 * 1024 }, (thrown, stdout) => (thrown === null ? resolve(stdout) : reject(thrown)));
    child.stdin?.on('error', reject);
    child.stdin?.end(input);
  });
}
