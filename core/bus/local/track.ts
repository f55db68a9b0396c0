import { compareFrames, type Frame } from '../../media/frame.ts';
import { ticksToMillis, type Millis } from '../../media/time.ts';
import { MillraceError } from '../../runtime/errors.ts';
import type { ConsumeOptions, TrackProducer } from '../bus.ts';
import { LocalConsumer } from './consumer.ts';

/** What a track keeps for late subscribers: 3 target durations of 2 s, and the group that is growing. */
const RETAINED_MILLIS = 8_000 as Millis;
const RETAINED_BYTES = 64 * 1024 * 1024;

type RetainedGroup = { readonly epoch: number; readonly group: number; readonly start: Millis; readonly frames: Frame[]; bytes: number };

/** One track of a broadcast in process: the newest groups, and the queues of those who read it. */
export class LocalTrack {
  readonly #groups: RetainedGroup[] = [];
  readonly #consumers = new Set<LocalConsumer>();
  #bytes = 0;
  #fence = 0;
  #last: Frame | undefined;
  #newest = 0 as Millis;
  #doubles = 0;

  /** Frames that came twice. */
  get doubles(): number {
    return this.#doubles;
  }

  get idle(): boolean {
    return this.#consumers.size === 0 && this.#last === undefined;
  }

  open(fence: number): TrackProducer {
    this.#fence = Math.max(this.#fence, fence);
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
    for (const group of this.#backlog(options.backlog ?? 'newest')) {
      group.frames.forEach((frame) => consumer.push(frame));
    }
    if (options.backlog === 'none' && this.#last !== undefined) {
      consumer.skipGroupOf(this.#last);
    }
    this.#consumers.add(consumer);
    return consumer;
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
    if (this.#last !== undefined && compareFrames(frame, this.#last) <= 0) {
      this.#doubles += 1;
      return false;
    }
    this.#last = frame;
    this.#retain(frame);
    for (const consumer of this.#consumers) {
      consumer.push(frame);
    }
    return true;
  }

  #retain(frame: Frame): void {
    if (frame.index === 0 && frame.head !== undefined) {
      const start = ticksToMillis(frame.pts, frame.head.config.timescale);
      this.#groups.push({ epoch: frame.epoch, group: frame.group, start, frames: [], bytes: 0 });
      this.#newest = start;
    }
    const group = this.#groups.at(-1);
    if (group === undefined || group.group !== frame.group || group.epoch !== frame.epoch) {
      // The group's head was never written here: nobody could enter at it.
      return;
    }
    group.frames.push(frame);
    group.bytes += frame.data.byteLength;
    this.#bytes += frame.data.byteLength;
    while (this.#groups.length > 1 && this.#oldestIsOver()) {
      this.#bytes -= this.#groups.shift()?.bytes ?? 0;
    }
  }

  #oldestIsOver(): boolean {
    const oldest = this.#groups[0];
    return oldest !== undefined && (this.#newest - oldest.start > RETAINED_MILLIS || this.#bytes > RETAINED_BYTES);
  }

  #backlog(backlog: 'newest' | 'none' | Millis): readonly RetainedGroup[] {
    if (backlog === 'none') {
      return [];
    }
    if (backlog === 'newest') {
      return this.#groups.slice(-1);
    }
    return this.#groups.filter((group) => this.#newest - group.start <= backlog);
  }
}
