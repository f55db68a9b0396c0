import { compareFrames, type Frame, type FramePlace } from '../../media/frame.ts';
import { ticksToMillis, type Millis } from '../../media/time.ts';
import { MillraceError } from '../../runtime/errors.ts';
import type { ConsumeOptions, Losses, TrackProducer } from '../bus.ts';
import { LocalConsumer, type GroupPlace } from './consumer.ts';

/** What a track keeps for late subscribers: 3 target durations of 2 s, and the group that is growing. */
export const RETAINED_MILLIS = 8_000 as Millis;
const RETAINED_BYTES = 64 * 1024 * 1024;

/**
 * Where frames come from: this process, or one run of another. Frames of one group come from one origin alone: where a second goes on
 * in the middle of what a first began, nobody knows what lies between.
 */
export type TrackOrigin = {
  /** Frames that were taken from it. */
  written: number;
};

/** A group that a track still has. */
export type RetainedGroup = GroupPlace & {
  readonly origin: TrackOrigin;
  /** How many frames of its origin were taken before its first. */
  readonly number: number;
  /** When it starts, in media time. */
  readonly start: Millis;
  readonly frames: Frame[];
  bytes: number;
};

/** What became of a frame from elsewhere: taken, there already, of a lower fence, or in the middle of a group whose beginning is not here. */
export type Taken = 'taken' | 'double' | 'fenced' | 'cut';

/** One track of a broadcast in process: the newest groups, and the queues of those who read it. */
export class LocalTrack {
  /** The producers of this process. */
  readonly here: TrackOrigin = { written: 0 };
  #groups: RetainedGroup[] = [];
  readonly #consumers = new Set<LocalConsumer>();
  #bytes = 0;
  #fence = 0;
  #last: Frame | undefined;
  /** The group that may go on, and whose it is. */
  #current: (GroupPlace & { readonly origin: TrackOrigin }) | undefined;
  #newest = 0 as Millis;
  #doubles = 0;

  /** Frames that came twice. */
  get doubles(): number {
    return this.#doubles;
  }

  get idle(): boolean {
    return this.#consumers.size === 0 && this.#last === undefined;
  }

  /** The highest fence that was heard of. */
  get fence(): number {
    return this.#fence;
  }

  /** The place of the newest frame. */
  get last(): FramePlace | undefined {
    return this.#last;
  }

  /** What is kept, oldest first. */
  get groups(): readonly RetainedGroup[] {
    return this.#groups;
  }

  open(fence: number): TrackProducer {
    this.raise(fence);
    let open = true;
    return {
      write: (frame) => {
        if (!open) {
          throw new MillraceError('bus/closed', 'the track producer is closed');
        }
        return this.#write(frame);
      },
      close: () => {
        open = false;
      },
    };
  }

  consume(options: ConsumeOptions): LocalConsumer {
    const consumer = new LocalConsumer(options, () => this.#consumers.delete(consumer));
    this.attach(consumer, options.backlog);
    return consumer;
  }

  /** Hands a consumer what is here of the backlog, then every frame. It has to tell by {@link LocalTrack.detach} when it is closed. */
  attach(consumer: LocalConsumer, backlog: ConsumeOptions['backlog'] = 'newest'): void {
    for (const group of this.retained(backlog)) {
      group.frames.forEach((frame) => consumer.push(frame));
    }
    if (backlog === 'none' && this.#last !== undefined) {
      consumer.skipThrough(this.#last);
    }
    this.#consumers.add(consumer);
  }

  detach(consumer: LocalConsumer): void {
    this.#consumers.delete(consumer);
  }

  /** The groups of a backlog that are here, oldest first. */
  retained(backlog: 'newest' | 'none' | Millis): readonly RetainedGroup[] {
    if (backlog === 'none') {
      return [];
    }
    if (backlog === 'newest') {
      return this.#groups.slice(-1);
    }
    return this.#groups.filter((group) => this.#newest - group.start <= backlog);
  }

  /** Takes a frame that another process wrote; a group from its first frame on. */
  take(frame: Frame, origin: TrackOrigin): Taken {
    if (frame.fence < this.#fence) {
      return 'fenced';
    }
    this.raise(frame.fence);
    if (this.#isDouble(frame)) {
      return 'double';
    }
    if (frame.index !== 0 && !(this.#isCurrent(frame) && this.#current?.origin === origin)) {
      return 'cut';
    }
    this.#pass(frame, origin);
    return 'taken';
  }

  /** From here on frames of lower fences are rejected. */
  raise(fence: number): void {
    this.#fence = Math.max(this.#fence, fence);
  }

  /** Frames of an origin are missing: what remains of its group is no use. */
  cut(origin: TrackOrigin): void {
    if (this.#current?.origin === origin) {
      this.#current = undefined;
    }
  }

  /** Tells the consumers what was lost on the way here. */
  lose(losses: Losses): void {
    this.#consumers.forEach((consumer) => consumer.lose(losses));
  }

  /** Keeps older groups, each whole from its first frame, in front of those that are here. Consumers that are here already do not get them. */
  prepend(frames: readonly Frame[], origin: TrackOrigin): void {
    const oldest = this.#groups[0];
    const older: RetainedGroup[] = [];
    for (const frame of frames) {
      const isOlder = oldest === undefined || (frame.epoch - oldest.epoch || frame.group - oldest.group) < 0;
      const head = isOlder && frame.index === 0 ? headOf(frame, origin) : undefined;
      if (head !== undefined) {
        older.push(head);
      }
      const group = older.at(-1);
      if (isOlder && group !== undefined && isSameGroup(group, frame)) {
        add(group, frame);
      }
    }
    for (const group of older.reverse()) {
      if (this.#bytes + group.bytes > RETAINED_BYTES || this.#newest - group.start > RETAINED_MILLIS) {
        return;
      }
      this.#groups.unshift(group);
      this.#bytes += group.bytes;
    }
  }

  /** Lets go of what is kept, all but the fence. For a track that nobody here reads any more. */
  forget(): void {
    this.#groups = [];
    this.#bytes = 0;
    this.#current = undefined;
    this.#last = undefined;
  }

  /** Ends every consumer once it has read what is queued. */
  end(): void {
    this.#consumers.forEach((consumer) => consumer.end());
    this.#consumers.clear();
  }

  /** Ends every consumer at once. */
  destroy(): void {
    [...this.#consumers].forEach((consumer) => consumer.close());
  }

  #write(frame: Frame): boolean {
    if (frame.fence < this.#fence) {
      throw new MillraceError('bus/fenced', 'another writer has taken this track over', {
        details: { track: frame.track, fence: frame.fence, highest: this.#fence },
      });
    }
    this.#fence = frame.fence;
    if (this.#isDouble(frame)) {
      return false;
    }
    if (frame.index !== 0 && this.#isCurrent(frame) && this.#current?.origin !== this.here) {
      this.lose({ groups: 0, frames: 1 });
      return true;
    }
    this.#pass(frame, this.here);
    return true;
  }

  #isDouble(frame: Frame): boolean {
    const isDouble = this.#last !== undefined && compareFrames(frame, this.#last) <= 0;
    this.#doubles += isDouble ? 1 : 0;
    return isDouble;
  }

  #isCurrent(frame: Frame): boolean {
    return this.#current !== undefined && isSameGroup(this.#current, frame);
  }

  #pass(frame: Frame, origin: TrackOrigin): void {
    this.#last = frame;
    if (!this.#isCurrent(frame)) {
      this.#current = { epoch: frame.epoch, group: frame.group, origin };
    }
    this.#retain(frame, origin);
    origin.written += 1;
    for (const consumer of this.#consumers) {
      consumer.push(frame);
    }
  }

  #retain(frame: Frame, origin: TrackOrigin): void {
    const head = frame.index === 0 ? headOf(frame, origin) : undefined;
    if (head !== undefined) {
      this.#groups.push(head);
      this.#newest = head.start;
    }
    const group = this.#groups.at(-1);
    if (group === undefined || !isSameGroup(group, frame)) {
      // The group's head was never written here: nobody could enter at it.
      return;
    }
    add(group, frame);
    this.#bytes += frame.data.byteLength;
    while (this.#groups.length > 1 && this.#oldestIsOver()) {
      this.#bytes -= this.#groups.shift()?.bytes ?? 0;
    }
  }

  #oldestIsOver(): boolean {
    const oldest = this.#groups[0];
    return oldest !== undefined && (this.#newest - oldest.start > RETAINED_MILLIS || this.#bytes > RETAINED_BYTES);
  }
}

function headOf(frame: Frame, origin: TrackOrigin): RetainedGroup | undefined {
  if (frame.head === undefined) {
    return undefined;
  }
  const start = ticksToMillis(frame.pts, frame.head.config.timescale);
  return { epoch: frame.epoch, group: frame.group, origin, number: origin.written, start, frames: [], bytes: 0 };
}

function add(group: RetainedGroup, frame: Frame): void {
  group.frames.push(frame);
  group.bytes += frame.data.byteLength;
}

function isSameGroup(a: GroupPlace, b: GroupPlace): boolean {
  return a.group === b.group && a.epoch === b.epoch;
}
