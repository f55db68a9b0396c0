import type { Frame } from '#core/media/frame.ts';
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
/** Ticks within which frames may come out of order. */
const REORDER_LIMIT = 45_000;

/**
 * Plans the start of a new ffmpeg (ADR 0001, "A transcoder that dies"): fed from the last key frame from which the first
 * missing frame can be decoded, each rung encoding from its own first missing frame. A rung that has given out nothing,
 * or is further behind than {@link MAX_REPLAY}, begins with a group.
 *
 * @param history in decoding order, a key frame first.
 * @param notBefore begins no earlier: a planned switch at a group.
 * @returns undefined while no group can be begun; ask again with more frames.
 */
export function planReplay(history: readonly Frame[], cursors: readonly RungCursor[], notBefore?: Ticks): Replay | undefined {
  const first = history[0];
  if (first === undefined) {
    return undefined;
  }
  const newest = history.reduce((most, { pts }) => Math.max(most, pts), 0);
  const earliest = Math.max(first.pts, newest - millisToTicks(MAX_REPLAY, VIDEO_TIMESCALE), notBefore ?? 0);
  const entry = history.find((frame) => frame.head !== undefined && frame.pts >= earliest);
  const starts = new Map<TrackName, RungStart>();
  for (const cursor of cursors) {
    const start = startOf(history, cursor, earliest, entry);
    if (start === undefined) {
      return undefined;
    }
    starts.set(cursor.track, start);
  }
  const needed = Math.min(...[...starts.values()].map((start) => start.first));
  // A converted rung's slot may begin before the source's frame that fills it.
  const from = history.findLastIndex((frame) => frame.key && frame.pts <= Math.max(needed, first.pts));
  return { frames: history.slice(Math.max(0, from)), starts };
}

function startOf(history: readonly Frame[], cursor: RungCursor, earliest: number, entry: Frame | undefined): RungStart | undefined {
  const slotted = (pts: Ticks): Ticks => (cursor.slot === undefined ? pts : slotOf(pts, cursor.slot));
  if (cursor.end !== undefined && cursor.end >= earliest - TOLERANCE) {
    const end = ticks(cursor.end - TOLERANCE);
    if (cursor.slot !== undefined) {
      // Its slots go on without a hole, whether the source has a frame in the next one or not.
      return { from: end, first: cursor.end };
    }
    const first = firstFrom(history, end);
    return first === undefined ? undefined : { from: end, first };
  }
  return entry === undefined ? undefined : { from: slotted(entry.pts), first: slotted(entry.pts) };
}

/**
 * The first frame in presentation order from a pts on; undefined while it may still come. The exact one matters: an
 * encoder on the grid counts its seconds from it.
 */
function firstFrom(history: readonly Frame[], pts: Ticks): Ticks | undefined {
  const after = history.filter((frame) => frame.pts >= pts).map((frame) => frame.pts);
  const lowest = Math.min(...after);
  const isNext = lowest <= pts + 2 * TOLERANCE;
  // Beyond a hole in the source the next frame is the lowest of those that came, once none can come before it.
  return isNext || Math.max(...after) - lowest > REORDER_LIMIT ? ticks(lowest) : undefined;
}
