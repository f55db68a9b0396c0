import { EventTrail } from '#core/media/event-trail.ts';
import type { Frame } from '#core/media/frame.ts';
import { gridGroup, type Grouping } from '#core/media/grouping.ts';
import { later, rescale, ticksToMillis, VIDEO_TIMESCALE, type Ticks, type Timescale, type WallTime } from '#core/media/time.ts';

/** Where a group of the source's picture begins. */
export type VideoHead = Pick<Frame, 'epoch' | 'group' | 'pts'>;

type SourceFrame = { readonly pts: Ticks; readonly group: number };
type GroupClock = { readonly group: number; readonly pts: Ticks; readonly wallTime: WallTime };

/** How much of the past is kept: more than an encoder holds. */
const KEPT_FRAMES = 1024;
const KEPT_GROUPS = 128;
/** Seconds of further sound after which a group's picture is not waited for: ingest did not wait for it either. */
const VIDEO_WAIT_SECONDS = 0.1;

/**
 * Which group encoded sound belongs to: group n is the sound with pts in [start n, start n+1) (ADR 0001, rule 3). On the
 * grid that follows from pts. Elsewhere ingest has decided it for each source frame, and where the group changes inside
 * of one, the picture's key frame tells where.
 */
export class AudioGroups {
  /** The messages on the source's frames: where there is no picture, they are on the sound. */
  readonly events = new EventTrail();
  readonly #grouping: Grouping;
  /** Timescale of encoded sound; everything here is kept in it. */
  readonly #scale: Timescale;
  readonly #frames: SourceFrame[] = [];
  readonly #clocks: GroupClock[] = [];
  /** Starts of groups by the picture. */
  readonly #starts = new Map<number, Ticks>();

  constructor(grouping: Grouping, scale: Timescale) {
    this.#grouping = grouping;
    this.#scale = scale;
  }

  /**
   * Takes a frame of the source's sound, as it is fed to the encoder.
   *
   * @param withEvents false where another transcoder has given out its messages.
   */
  addAudio(frame: Frame, scale: Timescale, withEvents = true): void {
    const pts = rescale(frame.pts, scale, this.#scale);
    this.events.add(withEvents ? frame.events : undefined);
    this.#frames.push({ pts, group: frame.group });
    if (frame.head !== undefined) {
      this.#clocks.push({ group: frame.group, pts, wallTime: frame.head.wallTime });
    }
    this.#frames.splice(0, Math.max(0, this.#frames.length - KEPT_FRAMES));
    this.#clocks.splice(0, Math.max(0, this.#clocks.length - KEPT_GROUPS));
  }

  /** Takes the first frame of a group of the source's picture. */
  addVideoHead(head: VideoHead): void {
    this.#starts.set(head.group, rescale(head.pts, VIDEO_TIMESCALE, this.#scale));
    [...this.#starts.keys()].slice(0, -KEPT_GROUPS).forEach((group) => this.#starts.delete(group));
  }

  /** The group of a pts; undefined while what decides it has not come. */
  groupAt(pts: Ticks): number | undefined {
    if (this.#grouping.mode === 'grid') {
      return Math.max(this.#grouping.firstGroup, gridGroup(this.#grouping, pts, this.#scale));
    }
    const at = this.#frames.findLastIndex((frame) => frame.pts <= pts);
    const [before, after] = [this.#frames[at], this.#frames[at + 1]];
    if (before === undefined || after === undefined || before.group === after.group) {
      return after?.group;
    }
    const start = this.#starts.get(after.group);
    if (start === undefined) {
      return this.#isOverdue(after) ? before.group : undefined;
    }
    // Across a hole there may be groups without a frame of sound.
    const begun = [...this.#starts].filter(([group, from]) => group > before.group && group <= after.group && from <= pts);
    return Math.max(before.group, ...begun.map(([group]) => group));
  }

  /** The group of a pts after which nothing comes any more. */
  lastGroupAt(pts: Ticks): number | undefined {
    return this.groupAt(pts) ?? this.#frames.findLast((frame) => frame.pts <= pts)?.group;
  }

  /** The wall time of a group's frame. */
  wallTimeOf(group: number, pts: Ticks): WallTime | undefined {
    const clock = this.#clocks.findLast((known) => known.group <= group) ?? this.#clocks[0];
    return clock === undefined ? undefined : later(clock.wallTime, ticksToMillis((pts - clock.pts) as Ticks, this.#scale));
  }

  #isOverdue(after: SourceFrame): boolean {
    return (this.#frames.at(-1)?.pts ?? 0) - after.pts > VIDEO_WAIT_SECONDS * this.#scale;
  }
}
