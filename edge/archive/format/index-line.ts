import { z } from 'zod';

import { isStreamName } from '#core/access/stream-key.ts';
import type { StreamName } from '#core/bus/catalog.ts';
import { isBroadcastId, type BroadcastId } from '#core/media/frame.ts';
import { timescale, wallTime, type WallTime } from '#core/media/time.ts';
import { configIdOf, isTrackName, type ConfigId, type TrackConfig, type TrackName } from '#core/media/track.ts';

import type { ArchivedSegment } from '../archive.ts';
import { fromJson, toJson } from './json-bytes.ts';

/** A segment with what the file's own index (`mfra`) tells of it. */
export type KeptSegment = ArchivedSegment & {
  /** Where its first `moof` begins, from the segment's start. */
  readonly moof: number;
  /** Whether its first sample is a key frame. */
  readonly key: boolean;
};

/** Begins an index: enough to know what the folder is, were nothing else left of it. */
export type IndexHead = {
  readonly broadcast: BroadcastId;
  readonly stream: StreamName;
  readonly startedAt: WallTime;
  readonly isRecording: boolean;
  readonly track: TrackName;
  readonly kind: 'video' | 'audio';
};

/** What a line of `<track>.index` says. */
export type IndexLine =
  | { readonly is: 'head'; readonly head: IndexHead }
  /** A volume begins: its init segment is in the file. */
  | { readonly is: 'volume'; readonly volume: number; readonly config: ConfigId; readonly trackConfig: TrackConfig; readonly initBytes: number }
  /** A segment of the volume named. It counts where the file holds it to its end. */
  | { readonly is: 'segment'; readonly segment: Omit<KeptSegment, 'config' | 'timescale'> }
  /** A volume has its `mfra` and so many bytes in all. */
  | { readonly is: 'finished'; readonly volume: number; readonly bytes: number }
  /** A volume left the rewind window: its file is gone, or about to. */
  | { readonly is: 'dropped'; readonly volume: number };

const count = z.number().int().min(0);
const bytes = z.instanceof(Uint8Array);

/** What a date can tell (ECMA-262, 21.4.1.1): one that is damaged must not stop a list of all. */
const MAX_INSTANT = 8.64e15;

/** Milliseconds since the Unix epoch. */
export const instantSchema = z.number().min(0).max(MAX_INSTANT).transform(wallTime);

const video = z.object({
  kind: z.literal('video'),
  codec: z.enum(['h264', 'hevc', 'vp8', 'vp9', 'av1']),
  codecString: z.string(),
  description: bytes,
  width: count,
  height: count,
  timescale: count.transform(timescale),
  frameDuration: z.number(),
  reordered: z.boolean(),
});
const audio = z.object({
  kind: z.literal('audio'),
  codec: z.enum(['aac', 'opus']),
  codecString: z.string(),
  description: bytes,
  sampleRate: count,
  channels: count,
  timescale: count.transform(timescale),
  frameDuration: z.number(),
});

/** A decoder configuration as {@link toJson} writes it. */
export const trackConfigSchema = z.discriminatedUnion('kind', [video, audio]);

const headSchema = z.object({
  broadcast: z.string().refine(isBroadcastId),
  stream: z.string().refine(isStreamName),
  startedAt: instantSchema,
  isRecording: z.boolean(),
  track: z.string().refine(isTrackName),
  kind: z.enum(['video', 'audio']),
});

const rareSchema = z.union([
  z.object({ head: headSchema }).transform(({ head }) => ({ is: 'head' as const, head })),
  z
    .object({ volume: count, config: z.string(), track: trackConfigSchema, init: count })
    .refine(({ config, track }) => configIdOf(track) === config)
    .transform(({ volume, config, track, init }) => ({ is: 'volume' as const, volume, config: config as ConfigId, trackConfig: track, initBytes: init })),
  z.object({ finished: count, bytes: count }).transform(({ finished, bytes: all }) => ({ is: 'finished' as const, volume: finished, bytes: all })),
  z.object({ dropped: count }).transform(({ dropped }) => ({ is: 'dropped' as const, volume: dropped })),
]);

/** Writes a line, its end included. */
export function formatLine(line: IndexLine): string {
  switch (line.is) {
    case 'head':
      return `${toJson({ head: line.head })}\n`;
    case 'volume':
      return `${toJson({ volume: line.volume, config: line.config, init: line.initBytes, track: line.trackConfig })}\n`;
    case 'segment': {
      const { group, epoch, pts, dts, ticks, wallTime: wall, volume, offset, bytes: length, moof, key } = line.segment;
      return `${JSON.stringify({ group, epoch, pts, dts, ticks, wall, in: volume, at: offset, bytes: length, moof, key })}\n`;
    }
    case 'finished':
      return `${JSON.stringify({ finished: line.volume, bytes: line.bytes })}\n`;
    case 'dropped':
      return `${JSON.stringify({ dropped: line.volume })}\n`;
  }
}

/** Reads a line without its end; undefined where it is damaged, or of a version to come. */
export function parseLine(text: string): IndexLine | undefined {
  try {
    if (text.startsWith('{"group":')) {
      return parseSegment(JSON.parse(text) as Record<string, unknown>);
    }
    return rareSchema.safeParse(fromJson(text)).data;
  } catch {
    return undefined;
  }
}

/** No segment of two seconds is larger: a line that says so is damaged, and nobody sets aside the memory for it. */
const MAX_SEGMENT_BYTES = 256 * 1024 * 1024;

/** Nearly every line: a day has 86,400 of each track, so they are not taken through a schema. */
function parseSegment(line: Record<string, unknown>): IndexLine | undefined {
  const { group, epoch, pts, dts, ticks, wall, in: volume, at, bytes: length, moof, key } = line;
  const numbers = [group, epoch, pts, dts, ticks, volume, at, length, moof];
  if (!numbers.every((value) => Number.isSafeInteger(value) && (value as number) >= 0) || typeof wall !== 'number' || !(wall >= 0 && wall <= MAX_INSTANT) || typeof key !== 'boolean' || (length as number) > MAX_SEGMENT_BYTES) {
    return undefined;
  }
  return { is: 'segment', segment: { group, epoch, pts, dts, ticks, wallTime: wall, volume, offset: at, bytes: length, moof, key } as Omit<KeptSegment, 'config' | 'timescale'> };
}
