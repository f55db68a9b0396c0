import type { Frame } from '#core/media/frame.ts';
import { framesPerPart, IDEAL_PART_MILLIS } from '#core/media/parts.ts';
import type { Ticks } from '#core/media/time.ts';
import type { TrackConfig } from '#core/media/track.ts';

/** The frames of one part and the span of decoding time that they fill. */
export type PartSpan = { readonly frames: readonly Frame[]; readonly start: Ticks; readonly end: Ticks };

/** Frames on a grid of fractions (59.94 fps: 1501.5 ticks) lie a tick beside it at most. */
const TOLERANCE = 2;

/** Frames a second that are assumed where the rate varies, as {@link framesPerPart} does. */
const ASSUMED_RATE = 30;

/**
 * Cuts the frames of one group into parts.
 *
 * A video part fills the time of `framesPerPart(config)` frames. An audio part ends with the first frame that reaches the next
 * multiple of 200 ms from the group's start, so that a group of whole seconds has no rest: by count, a second of AAC would end with a part of
 * two frames, at which hls.js 1.7 loses its place and waits. Where the source left frames out, fewer fill it: a Partial
 * Segment must not last longer than the Part Target Duration (rfc8216bis). It is cut in the turn of the frame that reaches
 * its end.
 *
 * The last picture of a part may turn out to be shown for longer than its duration, when the part is already out. The
 * next part of a video track then begins where that one ended, with a composition offset that keeps the pts: Media Source
 * Extensions drop all pictures until the next key frame behind a hole in decoding time (coded frame processing, where the
 * step is larger than twice the last frame's duration). In audio each frame is a key frame and holes stay as they are.
 */
export class PartCutter {
  readonly #emit: (span: PartSpan) => void;
  readonly #length: number;
  /** Audio: distance of the ends of parts, in ticks; video: none. */
  readonly #grid: number | undefined;
  #origin: number | undefined;
  readonly #bridgesHoles: boolean;
  #frames: Frame[] = [];
  #start = 0;
  /** Where the part before ended; undefined at the group's start, which must not depend on the group before. */
  #lastEnd: number | undefined;

  constructor(config: TrackConfig, emit: (span: PartSpan) => void) {
    this.#emit = emit;
    this.#length = framesPerPart(config) * (config.frameDuration > 0 ? config.frameDuration : config.timescale / ASSUMED_RATE);
    this.#bridgesHoles = config.kind === 'video';
    this.#grid = config.kind === 'audio' ? (IDEAL_PART_MILLIS * config.timescale) / 1000 : undefined;
  }

  /** Frames of the part that is not yet whole. */
  get pending(): number {
    return this.#frames.length;
  }

  /** Takes the group's next frame. */
  push(frame: Frame): void {
    const end = frame.dts + frame.duration;
    const last = this.#frames.at(-1);
    if (last !== undefined && !this.#takes(frame.dts, end)) {
      this.#cut(this.#bridgesHoles ? frame.dts : last.dts + last.duration);
    }
    if (this.#frames.length === 0) {
      const hole = this.#lastEnd === undefined ? 0 : frame.dts - this.#lastEnd;
      this.#start = this.#bridgesHoles && hole > TOLERANCE ? frame.dts - hole : frame.dts;
    }
    this.#frames.push(frame);
    if (end >= this.#endOfPart(frame.dts) - TOLERANCE) {
      this.#cut(end);
    }
  }

  /** The group is over: cuts its last part, which lasts until the next group's first dts where that is known. */
  close(next?: Ticks): void {
    const last = this.#frames.at(-1);
    if (last !== undefined) {
      this.#cut(next ?? last.dts + last.duration);
    }
  }

  /** Where the part that is being filled is full. */
  #endOfPart(dts: number): number {
    if (this.#grid === undefined) {
      return this.#start + this.#length;
    }
    this.#origin ??= dts;
    return this.#origin + (Math.floor((this.#start - this.#origin + TOLERANCE) / this.#grid) + 1) * this.#grid;
  }

  #takes(dts: number, end: number): boolean {
    const limit = this.#start + this.#length;
    return dts < limit - TOLERANCE && (this.#bridgesHoles || end <= limit + TOLERANCE);
  }

  #cut(until: number): void {
    const frames = this.#frames;
    const limit = Math.round(this.#start + this.#length);
    // Behind a hole that is longer than a part there is nothing that would keep the limit.
    const end = until > limit + TOLERANCE && (frames.at(-1)?.dts ?? limit) < limit ? limit : until;
    this.#frames = [];
    this.#lastEnd = end;
    this.#emit({ frames, start: this.#start as Ticks, end: end as Ticks });
  }
}
