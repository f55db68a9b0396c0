import type { Frame } from '#core/media/frame.ts';
import { gridGroup, gridSecond, type Grouping } from '#core/media/grouping.ts';
import { later, millis, ticks, ticksToMillis, VIDEO_TIMESCALE, type Ticks, type WallTime } from '#core/media/time.ts';

/** Where a group begins in the source. */
export type GroupStart = { readonly group: number; readonly pts: Ticks; readonly key: boolean; readonly wallTime: WallTime };

type SourceFrame = { readonly pts: Ticks; readonly duration: Ticks; readonly key: boolean };

/** How much of the past is kept: more than any encoder is allowed to be behind. */
const KEPT_FRAMES = 4096;
const KEPT_GROUPS = 128;
/** Ticks by which a frame's end may differ from the next one's start. */
const ROUNDING = 100;
/** Ticks within which frames may come out of order: half a second, more than any encoder's B-frames. */
const REORDER_LIMIT = 45_000;

/**
 * What an epoch's source says about time: which group a pts belongs to and how long a frame lasts. Encoded frames come
 * back with nothing but their pts, and everything else is looked up here.
 */
export class SourceTimeline {
  readonly #grouping: Grouping;
  /** In presentation order. */
  readonly #frames: SourceFrame[] = [];
  readonly #starts: GroupStart[] = [];

  constructor(grouping: Grouping) {
    this.#grouping = grouping;
  }

  /** Takes a frame as it is fed to the encoder, in decoding order. */
  add(frame: Frame): void {
    insertByPts(this.#frames, { pts: frame.pts, duration: frame.duration, key: frame.key });
    if (frame.head !== undefined) {
      this.#starts.push({ group: frame.group, pts: frame.pts, key: frame.key, wallTime: frame.head.wallTime });
    }
    this.#frames.splice(0, Math.max(0, this.#frames.length - KEPT_FRAMES));
    this.#starts.splice(0, Math.max(0, this.#starts.length - KEPT_GROUPS));
  }

  /** The group of a pts, or undefined where it lies before everything known. */
  groupAt(pts: Ticks): number | undefined {
    const start = this.#startAt(pts);
    if (start === undefined) {
      return undefined;
    }
    return this.#grouping.mode === 'grid' ? gridGroup(this.#grouping, pts, VIDEO_TIMESCALE) : start.group;
  }

  /**
   * Where a rung's group must begin: with the source's first frame of it; on the whole second where the rung's own
   * constant rate replaces the source's; undefined where the source's group began before it was seen.
   *
   * @param slot ticks of one frame of a rung that was converted to a constant rate.
   */
  startOf(group: number, slot?: Ticks): GroupStart | undefined {
    const start = this.#starts.findLast((known) => known.group === group);
    if (this.#grouping.mode === 'source' || slot === undefined) {
      return start === undefined ? undefined : { ...start, key: this.#grouping.mode === 'grid' || start.key };
    }
    const second = this.#grouping.firstSecond + (group - this.#grouping.firstGroup);
    const pts = this.#starts[0]?.group === group ? slotOf(this.#starts[0].pts, slot) : ticks(second * VIDEO_TIMESCALE);
    // Nothing came from the source in this second: its picture stands, and so does its clock.
    const wallTime = this.#wallTimeAt(start, pts);
    return wallTime === undefined ? undefined : { group, pts, key: true, wallTime };
  }

  /**
   * How long an encoded frame is shown where every `divisor`-th source frame is encoded: until the next one that is.
   * Undefined while the source has not come far enough to know; where every frame is encoded it is always known.
   */
  durationAt(pts: Ticks, divisor: number): Ticks | undefined {
    let at = this.#frames.findLastIndex((frame) => frame.pts <= pts);
    const first = this.#frames[at];
    if (first === undefined || first.pts !== pts) {
      return undefined;
    }
    let end = this.#endOf(at) ?? first.pts + first.duration;
    for (let n = 1; n < divisor; n += 1) {
      if (this.#endOf(at) === undefined && !this.#isPast(end)) {
        return undefined;
      }
      at += 1;
      const next = this.#frames[at];
      if (next === undefined || this.#restartsAt(next, this.#frames[at - 1])) {
        break;
      }
      end = this.#endOf(at) ?? next.pts + next.duration;
    }
    return ticks(end - pts);
  }

  /** Where a frame ends and the next begins; undefined while the next one has not come (B-frames come late). */
  #endOf(at: number): number | undefined {
    const frame = this.#frames[at];
    const next = this.#frames[at + 1];
    if (frame === undefined || next === undefined) {
      return undefined;
    }
    return Math.abs(next.pts - (frame.pts + frame.duration)) <= ROUNDING ? next.pts : undefined;
  }

  /** True where the source is so far beyond a pts that no frame of that time can come any more. */
  #isPast(pts: number): boolean {
    return (this.#frames.at(-1)?.pts ?? 0) - pts > REORDER_LIMIT;
  }

  /** True where thinning counts anew at a frame: the same rule as the filter's. */
  #restartsAt(frame: SourceFrame, before: SourceFrame | undefined): boolean {
    if (this.#grouping.mode === 'source') {
      return frame.key;
    }
    return before !== undefined && gridSecond(frame.pts, VIDEO_TIMESCALE) > gridSecond(before.pts, VIDEO_TIMESCALE);
  }

  #startAt(pts: Ticks): GroupStart | undefined {
    const start = this.#starts.findLast((known) => known.pts <= pts);
    // A converted rung's first slot may begin up to a frame before the source's own first frame.
    return start ?? (this.#grouping.mode === 'grid' ? this.#starts[0] : undefined);
  }

  #wallTimeAt(start: GroupStart | undefined, pts: Ticks): WallTime | undefined {
    const known = start ?? this.#startAt(pts);
    return known === undefined ? undefined : later(known.wallTime, millis(ticksToMillis(ticks(pts - known.pts), VIDEO_TIMESCALE)));
  }
}

/** The slot of a constant rate that a pts falls into. */
export function slotOf(pts: Ticks, slot: Ticks): Ticks {
  return ticks(Math.floor(pts / slot) * slot);
}

function insertByPts(frames: SourceFrame[], frame: SourceFrame): void {
  let at = frames.length;
  while (at > 0 && (frames[at - 1]?.pts ?? 0) > frame.pts) {
    at -= 1;
  }
  frames.splice(at, 0, frame);
}
