import { compareFrames, type Frame, type FramePlace } from '../../../media/frame.ts';
import type { LocalTrack, TrackOrigin } from '../../local/track.ts';
import type { LossReason, MediaCounters } from './counters.ts';
import type { NumberedFrame } from './message.ts';

/** Writers of a track that are remembered: the one that writes, and those before it. */
const MAX_RUNS = 8;

type Run = { readonly origin: TrackOrigin; last: number };

/**
 * Takes the frames of other processes into a track. Each writer numbers its frames, so what is missing shows: the rest of the group that was begun
 * is lost then, and counted; no group with a hole in it goes on.
 */
export class Intake {
  readonly #local: LocalTrack;
  readonly #counters: MediaCounters;
  readonly #runs = new Map<number, Run>();
  /** The group that was counted as lost last. */
  #countedGroup: string | undefined;
  #reason: LossReason = 'gap';

  constructor(local: LocalTrack, counters: MediaCounters) {
    this.#local = local;
    this.#counters = counters;
  }

  /** A message of this track could not be read: the gap that it leaves has this reason. */
  damaged(): void {
    this.#counters.damaged += 1;
    this.#reason = 'damaged';
  }

  /** Tells whether frames are missing before this one that its writer may still have. */
  isMissing({ run, number, isAfterDrop, frame }: NumberedFrame): boolean {
    if (isAfterDrop || frame.fence < this.#local.fence || this.#isDouble(frame)) {
      return false;
    }
    const known = this.#runs.get(run);
    // Of a writer that is new here all is expected, unless nobody was known before: then this process came in the middle.
    return known === undefined ? number > 0 && this.#runs.size > 0 : number > known.last + 1;
  }

  /** Takes a frame. False where it is of no use: it may be in the middle of a group of which nothing is here. */
  take({ run, number, frame }: NumberedFrame): boolean {
    if (frame.fence < this.#local.fence) {
      this.#counters.fenced += 1;
      return false;
    }
    if (this.#isDouble(frame)) {
      return true;
    }
    const known = this.#runOf(run, number);
    if (number !== known.last + 1) {
      this.#gap(known, number, frame);
    }
    known.last = number;
    const taken = this.#local.take(frame, known.origin);
    if (taken === 'cut' && this.#local.last !== undefined) {
      this.#lose(this.#count(frame), 1);
    }
    return taken === 'taken';
  }

  /** All before this number of a run was there to be had. */
  complete(run: number, next: number): void {
    const known = this.#runOf(run, next);
    if (known.last < next - 1) {
      // The tail of what was asked for was lost on its way.
      this.#local.cut(known.origin);
      this.#lose(this.#countLast(), next - 1 - known.last);
      known.last = next - 1;
    }
  }

  /** The track is left: what comes when it is entered again follows nothing. */
  reset(): void {
    this.#runs.clear();
    this.#countedGroup = undefined;
  }

  #isDouble(frame: Frame): boolean {
    return this.#local.last !== undefined && compareFrames(frame, this.#local.last) <= 0;
  }

  #runOf(run: number, number: number): Run {
    const known = this.#runs.get(run) ?? { origin: { written: 0 }, last: number - 1 };
    this.#runs.delete(run);
    this.#runs.set(run, known);
    const oldest = this.#runs.keys().next().value;
    if (this.#runs.size > MAX_RUNS && oldest !== undefined) {
      this.#runs.delete(oldest);
    }
    return known;
  }

  #gap(known: Run, number: number, frame: Frame): void {
    this.#local.cut(known.origin);
    const { last } = this.#local;
    const missing = number - known.last - 1;
    if (missing > 0 && last !== undefined) {
      this.#lose(this.#groupsBetween(last, known.last, number, frame), missing);
    }
  }

  /** Groups of which frames are missing between the newest frame here and this one; where several are, whether the first was whole is not known. */
  #groupsBetween(last: FramePlace, lastNumber: number, number: number, { epoch, group, index }: Frame): number {
    const isHeadMissing = index > 0;
    if (last.epoch !== epoch) {
      return this.#countLast();
    }
    if (last.group === group) {
      return this.#count({ epoch, group });
    }
    const isLastCut = group === last.group + 1 && number - index > lastNumber + 1;
    const between = group - last.group - 1;
    const counted = between + (isLastCut ? this.#countLast() : 0) + (isHeadMissing ? this.#count({ epoch, group }) : 0);
    return Math.max(counted, 1);
  }

  #countLast(): number {
    return this.#local.last === undefined ? 0 : this.#count(this.#local.last);
  }

  /** One where a group was not counted yet. */
  #count({ epoch, group }: Pick<Frame, 'epoch' | 'group'>): number {
    const key = `${epoch}.${group}`;
    const isNew = this.#countedGroup !== key;
    this.#countedGroup = key;
    return isNew ? 1 : 0;
  }

  #lose(groups: number, frames: number): void {
    this.#counters.groupsLost[this.#reason] += groups;
    this.#reason = 'gap';
    this.#local.lose({ groups, frames });
  }
}
