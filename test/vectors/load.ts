import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readFrameLog } from '#core/media/frame-log.ts';
import type { Frame } from '#core/media/frame.ts';
import type { TrackName } from '#core/media/track.ts';

/**
 * The recorded broadcasts (see `record.ts`), all of them H.264 and AAC:
 *
 * - `source-30`: 12 s at 30 fps, groups of 1.1 to 1.8 s. `video` has B-frames and a key frame inside a group; `v90` is the
 *   same pictures at 160x90 without B-frames, cut at the same pts; `audio` is 48 kHz.
 * - `source-29.97`: 10 s at 30000/1001 fps, groups of 2.002 s, `video` with B-frames, `audio` 44.1 kHz.
 */
export type VectorName = 'source-30' | 'source-29.97';

/** The frames of a recorded broadcast, all tracks in the order of their dts. */
export function loadVector(name: VectorName): readonly Frame[] {
  return readFrameLog(readFileSync(join(import.meta.dirname, `${name}.mrfl`))).frames;
}

/** The frames of each of its tracks, in decoding order. */
export function loadTracks(name: VectorName): ReadonlyMap<TrackName, readonly Frame[]> {
  return Map.groupBy(loadVector(name), (frame) => frame.track);
}
