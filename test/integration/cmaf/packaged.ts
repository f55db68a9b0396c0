import { Packager } from '#edge/cmaf/packager.ts';
import type { InitSegment, Part, Segment } from '#edge/cmaf/segment.ts';
import type { Frame } from '#core/media/frame.ts';
import type { TrackConfig, TrackName } from '#core/media/track.ts';
import { loadTracks, type VectorName } from '#test/vectors/load.ts';

/** A track of a recorded broadcast with what the packager made of it. */
export type PackagedTrack = {
  /** Shown in test titles: `source-30 video`. */
  readonly name: string;
  readonly track: TrackName;
  readonly frames: readonly Frame[];
  readonly config: TrackConfig;
  readonly init: Uint8Array;
  readonly segments: readonly Segment[];
  readonly parts: readonly Part[];
};

/** Packages every track of a recorded broadcast. */
export function packageVector(vector: VectorName): PackagedTrack[] {
  return [...loadTracks(vector)].map(([track, frames]) => packageFrames(`${vector} ${track}`, track, frames));
}

/** Packages the frames of one track, in which nothing is missing. */
export function packageFrames(name: string, track: TrackName, frames: readonly Frame[]): PackagedTrack {
  let init: InitSegment | undefined;
  const segments: Segment[] = [];
  const parts: Part[] = [];
  const packager = new Packager({
    init: (made) => {
      init = made;
    },
    part: (_segment, part) => parts.push(part),
    segment: (segment) => segments.push(segment),
    gap: (_epoch, from, to) => {
      throw new Error(`groups ${from} to ${to} of ${name} are missing`);
    },
  });
  frames.forEach((frame) => packager.push(frame));
  packager.finish();
  if (init === undefined) {
    throw new Error(`${name} has no frames`);
  }
  return { name, track, frames, config: init.trackConfig, init: init.bytes, segments, parts };
}

/** The init segment and some parts as one file. */
export function fileOf(packaged: PackagedTrack, parts: readonly Part[] = packaged.parts): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.concat([packaged.init, ...parts.map((part) => part.bytes)]));
}
