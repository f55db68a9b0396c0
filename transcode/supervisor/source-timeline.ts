import { EventTrail } from '#core/media/event-trail.ts';
import type { Frame } from '#core/media/frame.ts';
import { gridGroup, gridSecond, type Grouping } from '#core/media/grouping.ts';
import { later, ticks, ticksToMillis, VIDEO_TIMESCALE, type Ticks, type WallTime } from '#core/media/time.ts';

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
  /** The messages on its frames. */
  readonly events = new EventTrail();
  readonly #grouping: Grouping;
  /** In presentation order. */
  readonly #frames: SourceFrame[] = [];
  readonly #starts: GroupStart[] = [];

  constructor(grouping: Grouping) {
    this.#grouping = grouping;
  }

  /** Takes a frame as it is fed to the encoder, in decoding order. */
  add(frame: Frame): void {
    this.events.add(frame.events);
    insertByPts(this.#frames, { pts: frame.pts, duration: frame.duration, key: frame.key });
    if (frame.index === 0 && frame.head !== undefined) {
      this.#starts.push({ group: frame.group, pts: frame.pts, key: frame.key, wallTime: frame.head.wallTime });
    }
    this.#frames.splice(0, Math.max(0, this.#frames.length - KEPT_FRAMES));
    this.#starts.splice(0, Math.max(0, this.#starts.length - KEPT_GROUPS));
  }

  /** The group of a pts, or undefined where it lies before everything known. */
  groupAt(pts: Ticks): number | undefined {
    if (this.#grouping.mode === 'grid') {
      return this.#starts.length === 0 ? undefined : gridGroup(this.#grouping, pts, VIDEO_TIMESCALE);
    }
    return this.#startAt(pts)?.group;
  }

  /**
   * Where a rung's group must begin: with the source's first frame of it; on the whole second where the rung's own
   * constant rate replaces the source's. Undefined where nothing is known of the group.
   *
   * @param slot ticks of one frame of a rung that was converted to a constant rate.
   */
  startOf(group: number, slot?: Ticks): GroupStart | undefined {
    if (this.#grouping.mode === 'source') {
      return this.#starts.findLast((known) => known.group === group);
    }
    const second = ticks((this.#grouping.firstSecond + (group - this.#grouping.firstGroup)) * VIDEO_TIMESCALE);
    // By pts, not by the frame that ingest began the group with: B-frames come later and are shown earlier.
    const first = this.#frames.find((frame) => frame.pts >= second)?.pts;
    if (first === undefined) {
      return undefined;
    }
    // Where nothing came from the source in this second, a converted rung shows the last picture on.
    const pts = slot === undefined ? first : ticks(Math.max(second, slotOf(this.#frames[0]?.pts ?? first, slot)));
    const clock = this.#starts.findLast((known) => known.group <= group) ?? this.#starts[0];
    const passed = ticksToMillis(ticks(pts - (clock?.pts ?? pts)), VIDEO_TIMESCALE);
    return clock === undefined ? undefined : { group, pts, key: true, wallTime: later(clock.wallTime, passed) };
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
      if (this.#endOf(at) === undefined) {
        if (this.#isPast(end)) {
          // A hole in the source is a hole in the rung.
          break;
        }
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
    return this.#starts.findLast((known) => known.pts <= pts);
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
