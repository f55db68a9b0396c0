import { chunk, type Sample } from '#core/media/containers/fmp4/chunk.ts';
import { initSegment } from '#core/media/containers/fmp4/init-segment.ts';
import { ticks, timescale, VIDEO_TIMESCALE } from '#core/media/time.ts';
import type { TrackConfig } from '#core/media/track.ts';

/** First group, and seconds of media: one group each. */
export const FIRST_GROUP = 100;
export const GROUPS = 16;
/** The publisher was away before this group: a new epoch, 5 s of media time later. */
const RETURNED_AT = 104;
const AWAY_SECONDS = 5;
const PART_SECONDS = 0.2;
const START_SECONDS = 10;
const WALL_ZERO = Date.UTC(2026, 0, 2, 3, 0, 0);

/** A part of the made-up stream; `at` is when it is whole, in milliseconds since the start. */
export type MadePart = { readonly uri: string; readonly duration: number; readonly independent: boolean; readonly bytes: Uint8Array; readonly at: number };

/** A segment of the made-up stream. */
export type MadeSegment = { readonly msn: number; readonly epoch: number; readonly date: string; readonly parts: readonly MadePart[]; readonly duration: number; readonly at: number };

/** A rendition of the made-up stream. */
export type MadeRendition = { readonly name: string; readonly kind: 'video' | 'audio'; readonly init: Uint8Array; readonly segments: readonly MadeSegment[] };

/** Changes a sample before it is written: how a fault in the media is planted. */
export type SampleHook = (sample: Sample, place: { readonly rendition: string; readonly msn: number; readonly index: number }) => Sample;

const video = (width: number, height: number): TrackConfig => ({
  kind: 'video', codec: 'h264', codecString: 'avc1.42c01e', description: Uint8Array.of(1, 0x42, 0xc0, 0x1e, 0xff, 0xe0, 0), width, height,
  timescale: VIDEO_TIMESCALE, frameDuration: 3_000, reordered: false,
});

const audio: TrackConfig = {
  kind: 'audio', codec: 'aac', codecString: 'mp4a.40.2', description: Uint8Array.of(0x11, 0x90), sampleRate: 48_000, channels: 2, timescale: timescale(48_000), frameDuration: 1_024,
};

/** Sixteen seconds of a stream that breaks no rule: two video renditions and one of sound, a discontinuity after four seconds. */
export function sampleStream(hook: SampleHook = (sample) => sample): readonly MadeRendition[] {
  return [
    rendition('video', video(640, 360), 700, hook),
    rendition('v180', video(320, 180), 300, hook),
    rendition('audio', audio, 100, hook),
  ];
}

function rendition(name: string, config: TrackConfig, frameBytes: number, hook: SampleHook): MadeRendition {
  const segments = Array.from({ length: GROUPS }, (_, index) => segment(name, config, FIRST_GROUP + index, frameBytes, hook));
  return { name, kind: config.kind, init: initSegment(config), segments };
}

function segment(name: string, config: TrackConfig, msn: number, frameBytes: number, hook: SampleHook): MadeSegment {
  const epoch = msn < RETURNED_AT ? 1 : 2;
  const second = START_SECONDS + (msn - FIRST_GROUP) + (epoch === 2 ? AWAY_SECONDS : 0);
  const epochSecond = epoch === 1 ? START_SECONDS : START_SECONDS + AWAY_SECONDS + (RETURNED_AT - FIRST_GROUP);
  const frames = framesOf(config, second, epochSecond, frameBytes).map((sample, index) => hook(sample, { rendition: name, msn, index }));
  const perPart = Math.max(1, Math.round((PART_SECONDS * config.timescale) / config.frameDuration));
  const parts: MadePart[] = [];
  for (let from = 0; from < frames.length; from += perPart) {
    const samples = frames.slice(from, from + perPart);
    const last = samples.at(-1);
    const end = last === undefined ? 0 : (last.dts + last.duration) / config.timescale;
    parts.push({
      uri: `${msn}.${parts.length}.m4s`,
      duration: (samples.length * config.frameDuration) / config.timescale,
      independent: config.kind === 'audio' || from === 0,
      bytes: chunk(samples, { sequence: msn * 16 + parts.length }),
      // To a microsecond, so that what ends on a whole part is there at that time.
      at: Math.round((end - second + (msn - FIRST_GROUP)) * 1e6) / 1e3,
    });
  }
  const date = new Date(Math.round(WALL_ZERO + ((frames[0]?.pts ?? 0) * 1000) / config.timescale)).toISOString();
  return { msn, epoch, date, parts, duration: (frames.length * config.frameDuration) / config.timescale, at: parts.at(-1)?.at ?? 0 };
}

/** Frames with pts in [second, second + 1) on the grid that began with the epoch. */
function framesOf({ kind, timescale: scale, frameDuration }: TrackConfig, second: number, epochSecond: number, frameBytes: number): Sample[] {
  const zero = epochSecond * scale;
  const first = Math.ceil((second * scale - zero) / frameDuration);
  const end = Math.ceil(((second + 1) * scale - zero) / frameDuration);
  return Array.from({ length: end - first }, (_, index): Sample => {
    const at = ticks(zero + (first + index) * frameDuration);
    const key = kind === 'audio' || index === 0;
    const data = kind === 'audio' ? new Uint8Array(frameBytes).fill(index) : nalUnit(key ? 5 : 1, key ? frameBytes * 3 : frameBytes, index);
    return { pts: at, dts: at, duration: ticks(frameDuration), key, data };
  });
}

/** A slice of the given type, without meaning inside. */
export function nalUnit(type: number, size: number, fill = 0): Uint8Array {
  const data = new Uint8Array(size).fill(fill);
  new DataView(data.buffer).setUint32(0, size - 4);
  data[4] = 0x60 | type;
  return data;
}
