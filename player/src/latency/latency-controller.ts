import { millis } from '#core/media/time.ts';
import type { Millis } from '#core/media/time.ts';

/** What the controller looks at; call it some ten times a second while the picture moves. */
export type LatencyInput = {
  /** Monotonic time. */
  readonly now: Millis;
  /** From the drawn frame (PROGRAM-DATE-TIME) to the shown one. */
  readonly latency: Millis;
  /** Media buffered ahead of the playhead. */
  readonly buffer: Millis;
  /** The server's PART-TARGET; for streams without parts, the segment's duration. */
  readonly part: Millis;
};

/** What the controller wants. */
export type LatencyOutput = {
  /** Playback rate, 0.95 to 1.05. */
  readonly rate: number;
  /** The latency now aimed at. */
  readonly target: Millis;
  /** So far behind that playing faster would take too long: jump ahead by this much. */
  readonly jump: Millis | undefined;
};

/** Rates beyond these are heard. */
const slowest = 0.95;
const fastest = 1.05;

/** Of the distance to the target (seconds), the rate's change per second: 100 ms off play 5 % faster. */
const gain = 0.5;

/** Nearer than this the rate is 1: each change costs the browser's time stretcher work. */
const deadBand = 15;

/** A change below this is not worth making. */
const rateStep = 0.005;

/** The age of the buffer's end is gathered over slots of this length, ... */
const slotLength = 500;

/** ... of which this many (5 s) are looked at. */
const slotsKept = 10;

/** Slots seen before there is a target. */
const slotsToAim = 3;

/**
 * The buffer to keep when the next part is about to come: what the browser needs to go on without a hitch and the delays of a busy
 * machine. Measured on two loaded cores: with 90 ms the picture stood still about once a minute, at 0.34 s of latency; with this, parts
 * of 200 ms are shown about half a second after they were drawn. Not a share of a part: these are properties of the machine.
 */
const leastReserve = 220;

/** Of the spread between the slots, how much is kept in reserve on top, up to the limit. */
const spreadShare = 0.5;
const spreadLimit = 100;

/**
 * Each stall adds a share of its length to the reserve, within bounds and up to the limit: what stood still for long
 * (a server that was started again) is no measure of the network. It wears off with the half-life while all is calm.
 */
const stallShare = 0.6;
const leastStallStep = 100;
const mostStallStep = 500;
const stallLimit = 1_500;
const stallHalfLife = 60_000;

/** The target comes closer by at most this much per second, unless it is far off; it moves away at once. */
const approach = 100;
const farOff = 600;

/** Farther behind the target than this, the player jumps: catching up at 5 % would take half a minute. */
const jumpBeyond = 2_000;

/** In the first seconds a small jump is better than a long way at 5 %: the viewer has just come. */
const settling = 6_000;
const jumpBeyondSettling = 500;

/**
 * A segment is entered at its start and loaded at once, so the first picture is older than need be. When playing has begun and
 * more than this is in the buffer, the player goes on where this much is left: seen by nobody, it has only just begun.
 */
const entryAfter = 150;
const entryBuffer = 900;
const entryLeft = 500;

/** What is seen in the first moment of playing is the start's haste, not how parts arrive. */
const startHaste = 600;

/** The greatest age of the buffer's end seen in a slot of time. */
type Slot = { readonly from: number; oldest: number };

/**
 * Holds the latency by the playback rate. Two loops: the slow one finds the target, the quick one plays a little faster or
 * slower to be there. The target is the age that the buffer's end reaches just before a part arrives (latency less buffer:
 * it does not depend on where the playhead is), plus a reserve. So it follows what this network and this machine
 * really do instead of a fixed number of parts.
 */
export class LatencyController {
  #slots: Slot[] = [];
  #target: number | undefined;
  #steppedAt = 0;
  #begunAt: number | undefined;
  #entered = false;
  #stallReserve = 0;
  #rate = 1;

  /** Looks at the present state and says how fast to play. */
  step(input: LatencyInput): LatencyOutput {
    const passed = this.#begunAt === undefined ? 0 : Math.max(input.now - this.#steppedAt, 0);
    this.#steppedAt = input.now;
    this.#stallReserve *= 2 ** -(passed / stallHalfLife);
    this.#begunAt ??= input.now;
    const playedFor = input.now - this.#begunAt;
    if (playedFor >= startHaste) {
      this.#note(input);
    }
    if (!this.#entered && playedFor >= entryAfter) {
      this.#entered = true;
      if (input.buffer > entryBuffer) {
        return { rate: this.#rate, target: input.latency, jump: millis(input.buffer - entryLeft) };
      }
    }
    const target = this.#aim(input, passed);
    const off = input.latency - target;
    const jumps = off > (playedFor < settling ? jumpBeyondSettling : jumpBeyond);
    return { rate: this.#chooseRate(off), target: millis(target), jump: jumps ? millis(off) : undefined };
  }

  /** The picture stood still for so long for want of data: keep more in reserve, and find the target anew. */
  stalled(length: Millis): void {
    // Before there is a target the player has only just begun: that is no lesson.
    if (this.#target !== undefined) {
      const step = Math.min(Math.max(length * stallShare, leastStallStep), mostStallStep);
      this.#stallReserve = Math.min(this.#stallReserve + step, stallLimit);
    }
    this.renew();
  }

  /** Another rendition or broadcast begins: what was seen of the buffer's end no longer holds. */
  renew(): void {
    this.#slots = [];
    this.#target = undefined;
    this.#begunAt = undefined;
    this.#entered = false;
    this.#rate = 1;
  }

  /** Buffer kept when the next part is about to come. */
  get reserve(): Millis {
    const ages = this.#slots.slice(0, -1).map((slot) => slot.oldest);
    const spread = ages.length < 2 ? 0 : Math.max(...ages) - Math.min(...ages);
    return millis(leastReserve + Math.min(spread * spreadShare, spreadLimit) + this.#stallReserve);
  }

  #note({ now, latency, buffer }: LatencyInput): void {
    const age = latency - buffer;
    const slot = this.#slots.at(-1);
    if (slot !== undefined && now - slot.from < slotLength) {
      slot.oldest = Math.max(slot.oldest, age);
      return;
    }
    this.#slots.push({ from: now, oldest: age });
    if (this.#slots.length > slotsKept) {
      this.#slots.shift();
    }
  }

  #aim({ latency }: LatencyInput, passed: number): number {
    if (this.#slots.length < slotsToAim) {
      return this.#target ?? latency;
    }
    const wanted = Math.max(...this.#slots.map((slot) => slot.oldest)) + this.reserve;
    const before = this.#target ?? wanted;
    const isFar = before - wanted > farOff;
    this.#target = wanted > before || isFar ? wanted : Math.max(wanted, before - (approach * passed) / 1_000);
    return this.#target;
  }

  #chooseRate(off: number): number {
    const wanted = Math.abs(off) <= deadBand ? 1 : clamp(1 + (gain * off) / 1_000, slowest, fastest);
    if (wanted === 1 || Math.abs(wanted - this.#rate) >= rateStep) {
      this.#rate = wanted;
    }
    return this.#rate;
  }
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
