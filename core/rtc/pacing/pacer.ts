import { millis, type Millis } from '../../media/time.ts';

/** Packets of a frame that go at once: a frame of 2.9 Mbit/s at 30 fps, or the head of a larger one. */
export const BURST_PACKETS = 10;

/** The pace is this many times the estimate: a key frame must not take as long as its share of the rate. The reference implementation's factor. */
const FACTOR = 2.5;
/** Within this the queue is to be empty, ... */
const DRAIN = 250;
/** ... but never faster than this many times the estimate, or the bottleneck's own queue overflows. */
const MOST_FACTOR = 6;
/**
 * In a jam video goes at this share of the estimate, and no frame at once: the bottleneck's queue is full, so what comes in a burst is lost,
 * and it must drain before the next key frame is of any use.
 */
const JAMMED_FACTOR = 0.75;
/** Bounds of the queue: what would take longer, or is more, is refused. */
const MOST_DELAY = 1000;
const MOST_BYTES = 2_000_000;
/** The budget of a pause longer than this is lost: no burst follows a late timer. */
const MOST_PAUSE = 20;

/** What waits to be sent; `sizes` are the bytes of its packets. */
export type Paced = { readonly key: boolean; readonly packets: number; readonly bytes: number };

/** What the pace is made of: bits per second, and whether the path's own queue is so long that it must drain. */
export type Pace = { readonly estimate: number; readonly jammed: boolean };

/** A frame in the queue, and how much of it was sent. */
type Entry<Item> = { readonly item: Item; sent: number; bytesLeft: number; readonly at: Millis };

/**
 * The queue of frames that are too large to go at once. Pure: told the time and the estimate, it says how many bytes may go. Frames leave
 * whole or not at all: once its first packet was sent, a frame is finished.
 */
export class Pacer<Item extends Paced> {
  readonly #queue: Entry<Item>[] = [];
  #bytes = 0;
  #packets = 0;
  #budget = 0;
  #at = Number.NaN;
  #skipping = false;
  #skipped = 0;

  get empty(): boolean {
    return this.#queue.length === 0;
  }

  get packets(): number {
    return this.#packets;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Frames refused. */
  get skipped(): number {
    return this.#skipped;
  }

  /** How long the oldest frame has waited. */
  age(now: Millis): Millis {
    const first = this.#queue[0];
    return millis(first === undefined ? 0 : now - first.at);
  }

  /** Bits per second at which the queue is emptied. */
  rate({ estimate, jammed }: Pace): number {
    return jammed ? JAMMED_FACTOR * estimate : Math.min(Math.max(FACTOR * estimate, (this.#bytes * 8000) / DRAIN), MOST_FACTOR * estimate);
  }

  /** Whether a frame may go past the empty queue; a key frame ends the skipping. A refused one is counted. */
  accepts(key: boolean): boolean {
    if (key) {
      this.#skipping = false;
    } else if (this.#skipping) {
      this.#skipped += 1;
    }
    return !this.#skipping;
  }

  /**
   * Puts a frame behind the others.
   *
   * @returns false where it is refused: the queue is full, or frames are skipped up to the next key frame.
   */
  push(item: Item, pace: Pace, now: Millis): boolean {
    if (item.key) {
      if (this.#skipping || this.#full(item, pace, now)) {
        this.#dropUnstarted();
      }
      this.#skipping = false;
    } else if (this.#skipping || this.#full(item, pace, now)) {
      this.#skipping = true;
      this.#skipped += 1;
      return false;
    }
    if (this.empty) {
      this.#budget = 0;
      this.#at = now;
    }
    this.#queue.push({ item, sent: 0, bytesLeft: item.bytes, at: now });
    this.#bytes += item.bytes;
    this.#packets += item.packets;
    return true;
  }

  /**
   * Lets go what may go now.
   *
   * @param send writes packet `index` of a frame. @returns its bytes.
   */
  release(pace: Pace, now: Millis, send: (item: Item, index: number) => number): void {
    this.#budget += (this.rate(pace) * Math.min(now - this.#at, MOST_PAUSE)) / 8000;
    this.#at = now;
    while (this.#budget > 0 && this.#queue.length > 0) {
      this.#budget -= this.#next(send);
    }
    if (this.empty) {
      this.#budget = 0;
    }
  }

  /** Lets go up to so many packets of the first frame, whatever the budget. */
  burst(send: (item: Item, index: number) => number): void {
    const first = this.#queue[0];
    for (let i = 0; i < BURST_PACKETS && first !== undefined && this.#queue[0] === first; i += 1) {
      this.#next(send);
    }
  }

  /** Forgets all frames of which nothing was sent: another rung takes over. */
  clear(): void {
    this.#dropUnstarted();
  }

  #next(send: (item: Item, index: number) => number): number {
    const first = this.#queue[0]!;
    const bytes = send(first.item, first.sent);
    first.sent += 1;
    this.#packets -= 1;
    const left = first.sent === first.item.packets ? 0 : Math.max(0, first.bytesLeft - bytes);
    this.#bytes -= first.bytesLeft - left;
    first.bytesLeft = left;
    if (first.sent === first.item.packets) {
      this.#queue.shift();
    }
    return bytes;
  }

  #full(item: Item, { estimate }: Pace, now: Millis): boolean {
    if (this.empty) {
      return false;
    }
    const bytes = this.#bytes + item.bytes;
    return bytes > MOST_BYTES || (bytes * 8000) / (MOST_FACTOR * estimate) > MOST_DELAY || this.age(now) > MOST_DELAY;
  }

  #dropUnstarted(): void {
    while (this.#queue.length > 0 && this.#queue.at(-1)!.sent === 0) {
      const { item } = this.#queue.pop()!;
      this.#bytes -= item.bytes;
      this.#packets -= item.packets;
      this.#skipped += 1;
    }
  }
}
