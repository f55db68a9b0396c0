import { initSegment } from '#core/media/containers/fmp4/init-segment.ts';
import { compareFrames, type Frame, type FramePlace, type GroupHead } from '#core/media/frame.ts';
import type { Ticks } from '#core/media/time.ts';
import type { ConfigId } from '#core/media/track.ts';
import { GrowingSegment } from './growing-segment.ts';
import { PartCutter } from './part-cutter.ts';
import type { NextGroup, PackagerEvents } from './segment.ts';

/** Frames that a packager did not package, by reason. */
export type Discards = {
  /** At or before a place already seen, or a group number that an earlier epoch has used. */
  readonly doubles: number;
  /** Written under a lower fence than one seen. */
  readonly fenced: number;
  /** Whole frames of a group that lacks another one, or whose rest makes no sense (dts not rising, a new configuration in mid-group). */
  readonly broken: number;
  /** Before the first group's start, or after the broadcast's end. */
  readonly outside: number;
};

/** A bound on what a broken producer can make us keep: more than 2.1 s of any real track (Opus of 2.5 ms: 840). */
const MAX_FRAMES_PER_GROUP = 4096;

type OpenGroup = {
  readonly segment: GrowingSegment;
  readonly cutter: PartCutter;
  nextIndex: number;
  /** The last frame. */
  last: Frame;
};

/**
 * Packages one track: frames in, CMAF chunks and segments out (ADR 0001, rules 5 and 6). What comes out follows from
 * the frames alone, so any two packagers give equal bytes for every part and whole segment they both give out.
 *
 * A part is given out in the turn of its last frame. The last part of a segment ends where the next group or epoch
 * begins, or with {@link Packager.finish}. A group of which a frame is missing gives out no further part, because its
 * bytes would differ from those of a packager that missed nothing.
 */
export class Packager {
  readonly #events: PackagerEvents;
  #fence = -Infinity;
  /** The highest place seen. */
  #last: FramePlace | undefined;
  /** The last group of this epoch whose end was told, by `segment` or by `gap`; undefined before the epoch's first head. */
  #settled: number | undefined;
  #open: OpenGroup | undefined;
  /** The last dts packaged. */
  #lastDts = -1 as Ticks;
  #config: ConfigId | undefined;
  #finished = false;
  readonly #discards = { doubles: 0, fenced: 0, broken: 0, outside: 0 };

  constructor(events: PackagerEvents) {
    this.#events = events;
  }

  /** Frames not packaged so far. */
  get discards(): Discards {
    return this.#discards;
  }

  /**
   * Takes the track's next frame and tells what follows from it.
   *
   * @throws {MillraceError} `media/unsupported` at the head of a group that cannot be packaged; the group is lost.
   */
  push(frame: Frame): void {
    if (this.#finished) {
      this.#discards.outside++;
      return;
    }
    if (frame.fence < this.#fence) {
      this.#discards.fenced++;
      return;
    }
    this.#fence = frame.fence;
    if (this.#last !== undefined) {
      const isNewEpoch = frame.epoch > this.#last.epoch;
      // A group number that came before names URLs that are taken, whatever the epoch.
      if (compareFrames(frame, this.#last) <= 0 || (isNewEpoch && frame.group <= this.#last.group)) {
        this.#discards.doubles++;
        return;
      }
      if (isNewEpoch) {
        this.#leaveEpoch(frame);
      }
    }
    this.#last = { epoch: frame.epoch, group: frame.group, index: frame.index };
    if (frame.index === 0 && frame.head !== undefined) {
      this.#enter(frame, frame.head);
    } else if (this.#open !== undefined && continues(this.#open, frame) && frame.dts > this.#lastDts) {
      this.#append(this.#open, frame);
    } else {
      this.#lose(frame);
    }
  }

  /**
   * Frames were lost between the last one pushed and the next one (a consumer was too slow). The open group is given up:
   * nobody can tell any more where it ends.
   */
  cut(): void {
    if (this.#open !== undefined) {
      const { group, epoch } = this.#open.segment;
      this.#abandon();
      this.#tellGap(epoch, group);
    }
  }

  /** The broadcast is over: closes the open segment. Idempotent. */
  finish(): void {
    if (!this.#finished) {
      this.#finished = true;
      this.#close();
    }
  }

  /** The first frame of a new epoch ends the old one. Where it is not a head, frames are missing, of the old epoch perhaps. */
  #leaveEpoch(frame: Frame): void {
    if (frame.index === 0) {
      this.#close();
    } else {
      this.cut();
    }
    this.#settled = undefined;
  }

  #enter(frame: Frame, head: GroupHead): void {
    if (this.#open !== undefined && frame.group === this.#open.segment.group + 1 && isWhole(this.#open, frame)) {
      this.#close(frame.dts);
    }
    // After a jump, or where its writer was overtaken in its middle, nobody can tell whether the open group was whole.
    this.#abandon();
    this.#settled ??= frame.group - 1;
    this.#tellGap(frame.epoch, frame.group - 1, { group: frame.group, wallTime: head.wallTime });
    if (frame.dts <= this.#lastDts) {
      this.#lose(frame);
      return;
    }
    if (frame.config !== this.#config) {
      this.#events.init({ config: frame.config, trackConfig: head.config, bytes: initSegment(head.config) });
      this.#config = frame.config;
    }
    const segment = new GrowingSegment(frame, head);
    const cutter = new PartCutter(head.config, (span) => this.#events.part(segment, segment.append(span)));
    this.#open = { segment, cutter, nextIndex: 0, last: frame };
    this.#append(this.#open, frame);
  }

  #append(open: OpenGroup, frame: Frame): void {
    open.nextIndex++;
    open.last = frame;
    this.#lastDts = frame.dts;
    open.cutter.push(frame);
  }

  /** The open group is whole; `next` is the first dts of the group that follows at once. */
  #close(next?: Ticks): void {
    const open = this.#open;
    if (open !== undefined) {
      this.#open = undefined;
      this.#settled = open.segment.group;
      open.cutter.close(next);
      open.segment.close();
      this.#events.segment(open.segment);
    }
  }

  /** The open group is not whole: what is not yet given out never is. */
  #abandon(): void {
    this.#discards.broken += this.#open?.cutter.pending ?? 0;
    this.#open = undefined;
  }

  /** The frame cannot be packaged, and so neither can what follows it in its group. */
  #lose(frame: Frame): void {
    this.#abandon();
    if (this.#settled === undefined) {
      this.#discards.outside++;
      return;
    }
    this.#discards.broken++;
    this.#tellGap(frame.epoch, frame.group);
  }

  /** Tells that groups up to this one are lost, unless it was told how they ended; and what follows them, where that is known. */
  #tellGap(epoch: number, to: number, next?: NextGroup): void {
    if (this.#settled !== undefined && to > this.#settled) {
      const from = this.#settled + 1;
      this.#settled = to;
      this.#events.gap(epoch, from, to, next);
    }
  }
}

/** Whether a group ends where the next one begins. Of one writer it does; one that was overtaken may have left off in the middle. */
function isWhole({ last }: OpenGroup, next: Frame): boolean {
  return next.fence === last.fence || next.dts - last.dts - last.duration < last.duration / 2;
}

function continues(open: OpenGroup, frame: Frame): boolean {
  const { segment, nextIndex } = open;
  return (
    frame.group === segment.group && frame.index === nextIndex && frame.config === segment.config && nextIndex < MAX_FRAMES_PER_GROUP
  );
}
