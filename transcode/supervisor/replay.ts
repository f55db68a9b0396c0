import type { Frame } from '#core/media/frame.ts';
import { gridSecond, type Grouping } from '#core/media/grouping.ts';
import { millisToTicks, ticks, VIDEO_TIMESCALE, type Millis, type Ticks } from '#core/media/time.ts';
import type { TrackName } from '#core/media/track.ts';
import type { RungStart } from '../ffmpeg/arguments.ts';
import { slotOf } from './source-timeline.ts';

/** What a rung has given out and how its frames lie. */
export type RungCursor = {
  readonly track: TrackName;
  /** End of its last frame in this epoch; undefined before the first. */
  readonly end?: Ticks;
  /** Ticks of one frame where the rung was converted to a constant rate. */
  readonly slot?: Ticks;
};

/** What a new ffmpeg is fed with first, and where each rung's output begins. */
export type Replay = { readonly frames: readonly Frame[]; readonly starts: ReadonlyMap<TrackName, RungStart> };

/** Older frames are not made up for: viewers have passed the hole, and the encoder would stay behind for long. */
export const MAX_REPLAY = 4000 as Millis;

/** Ticks of rounding between neighbouring frames. */
const TOLERANCE = 100;

/** Frames after which none of lower pts comes any more: one more than H.264 encoders' B-frames in a row. */
export const REORDER_FRAMES = 4;

/**
 * Plans the start of a new ffmpeg (ADR 0001, "A transcoder that dies"): fed from the last key frame from which the first
 * missing frame can be decoded, each rung encoding from its own first missing frame. A rung that has given out nothing,
 * or is further behind than {@link MAX_REPLAY}, begins with a group.
 *
 * @param history in decoding order, a key frame first.
 * @param notBefore begins no earlier: a planned switch at a group.
 * @returns undefined while no group can be begun; ask again with more frames.
 */
export function planReplay(history: readonly Frame[], grouping: Grouping, cursors: readonly RungCursor[], notBefore?: Ticks): Replay | undefined {
  const oldest = history[0];
  if (oldest === undefined) {
    return undefined;
  }
  const newest = history.reduce((most, { pts }) => Math.max(most, pts), 0);
  const earliest = Math.max(oldest.pts, newest - millisToTicks(MAX_REPLAY, VIDEO_TIMESCALE), notBefore ?? 0);
  const starts = new Map<TrackName, RungStart>();
  for (const cursor of cursors) {
    const goesOn = cursor.end !== undefined && cursor.end >= earliest - TOLERANCE;
    const from = goesOn ? ticks(cursor.end - TOLERANCE) : entryFrom(history, grouping, earliest);
    const first = from === undefined ? undefined : firstFrom(history, from, cursor, goesOn);
    if (from === undefined || first === undefined) {
      return undefined;
    }
    // A converted rung's first slot begins up to a frame before the source's frame that fills it.
    starts.set(cursor.track, { from: ticks(Math.min(from, first)), first });
  }
  const needed = Math.min(...[...starts.values()].map((start) => start.first));
  const key = history.findLastIndex((frame) => frame.key && frame.pts <= Math.max(needed, oldest.pts));
  return { frames: history.slice(Math.max(0, key)), starts };
}

/** Where the first whole group begins: at its frame, or on the grid at its second, since B-frames come later. */
function entryFrom(history: readonly Frame[], grouping: Grouping, earliest: number): Ticks | undefined {
  const entry = history.find((frame) => frame.index === 0 && frame.pts >= earliest);
  if (entry === undefined) {
    return undefined;
  }
  return grouping.mode === 'grid' ? ticks(gridSecond(entry.pts, VIDEO_TIMESCALE) * VIDEO_TIMESCALE) : entry.pts;
}

/**
 * The first frame in presentation order that reaches a rung's encoder; undefined while a lower one may still come. The
 * exact one matters: an encoder on the grid counts its seconds from it.
 */
function firstFrom(history: readonly Frame[], from: Ticks, cursor: RungCursor, goesOn: boolean): Ticks | undefined {
  if (goesOn && cursor.slot !== undefined) {
    // Its slots go on without a hole, whether the source has a frame in the next one or not.
    return cursor.end;
  }
  let at = -1;
  history.forEach((frame, place) => {
    if (frame.pts >= from && (at < 0 || frame.pts < (history[at]?.pts ?? 0))) {
      at = place;
    }
  });
  const lowest = history[at]?.pts;
  if (lowest === undefined) {
    return undefined;
  }
  const isNext = goesOn && lowest <= from + 2 * TOLERANCE;
  const certain = isNext || !reordered(history) || history.length - at > REORDER_FRAMES;
  if (!certain) {
    return undefined;
  }
  if (cursor.slot === undefined) {
    return lowest;
  }
  // Slots from `from` up to the source's next frame show the picture before it, where there is one: where decoding begins before `from`.
  const key = history.findLast((frame) => frame.key && frame.pts <= lowest);
  return key !== undefined && key.pts < from ? slotOf(from, cursor.slot) : slotOf(lowest, cursor.slot);
}

function reordered(history: readonly Frame[]): boolean {
  return history.some(({ head }) => head?.config.kind === 'video' && head.config.reordered);
}
