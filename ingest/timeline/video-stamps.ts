import { ticks, VIDEO_TIMESCALE, type Millis, type Ticks } from '#core/media/time.ts';

import { frameMillis, frameTicks, type Rate } from './frame-rate.ts';

/** A video frame's times in 90 kHz ticks. */
export type VideoStamp = { readonly dts: Ticks; readonly pts: Ticks; readonly duration: Ticks };

/** Gives an epoch's video frames their times on the broadcast's timeline; dts rises strictly, pts is never below it. */
export interface VideoStamps {
  /** Times of the next frame in decoding order. `at`: its decoding time on the broadcast's timeline, as received. */
  stamp(at: Millis, offset: Millis): VideoStamp;
  /** True where the timestamps no longer are on the grid: it is time for another epoch. */
  readonly offGrid: boolean;
}

const TICKS_PER_MILLI = VIDEO_TIMESCALE / 1000;

/** A frame stays in the slot after its predecessor's while it is nearer to it than this part of a frame. */
const STICKY = 0.75;
/** Slots that run ahead of the timestamps by more frames than this have lost them. */
const LOST = 1.5;

/** Presentation minus decoding time of an epoch's first frame: on the grid, a whole number of frames. */
export function offsetTicks(offset: Millis, rate: Rate | undefined): Ticks {
  return ticks(rate ? Math.round(Math.round(offset / frameMillis(rate)) * frameTicks(rate)) : offset * TICKS_PER_MILLI);
}

/** Constant rate: frame n is at `first + round(n * frameDuration)`; frames that the source left out leave a hole. */
export class GridStamps implements VideoStamps {
  readonly #first: Ticks;
  readonly #frameTicks: number;
  readonly #frameMillis: number;
  readonly #phase: Millis;
  #slot = -1;
  #offGrid: VariableStamps | undefined;

  /** @param phase Time on the broadcast's timeline of slot 0, freed of rounding. `first`: the same in ticks. */
  constructor(rate: Rate, first: Ticks, phase: Millis) {
    this.#first = first;
    this.#phase = phase;
    this.#frameTicks = frameTicks(rate);
    this.#frameMillis = frameMillis(rate);
  }

  get offGrid(): boolean {
    return this.#offGrid !== undefined;
  }

  stamp(at: Millis, offset: Millis): VideoStamp {
    if (this.#offGrid) {
      return this.#offGrid.stamp(at, offset);
    }
    const exact = (at - this.#phase) / this.#frameMillis;
    const next = this.#slot + 1;
    if (next > 0 && next - exact > LOST) {
      // Twice as many frames as the grid has slots must not make the timeline run at double speed.
      this.#offGrid = new VariableStamps(ticks(this.#tickOf(next)), this.#frameTicks);
      return this.#offGrid.stamp(at, offset);
    }
    this.#slot = Math.abs(exact - next) < STICKY ? next : Math.max(next, Math.round(exact));
    const shown = this.#slot + Math.round(offset / this.#frameMillis);
    const dts = this.#tickOf(this.#slot);
    return { dts: ticks(dts), pts: ticks(this.#tickOf(shown)), duration: ticks(this.#tickOf(this.#slot + 1) - dts) };
  }

  #tickOf(slot: number): number {
    return this.#first + Math.round(slot * this.#frameTicks);
  }
}

/** Variable rate: times as received; a frame's duration is the mean of those before it, so that nothing waits for the next. */
export class VariableStamps implements VideoStamps {
  readonly offGrid = false;
  #floor: number;
  #mean: number;
  #last: number | undefined;

  /** @param floor First dts that may be used. `mean`: expected duration of a frame in ticks. */
  constructor(floor: Ticks, mean: number) {
    this.#floor = floor;
    this.#mean = mean;
  }

  stamp(at: Millis, offset: Millis): VideoStamp {
    const dts = Math.max(this.#floor, Math.round(at * TICKS_PER_MILLI));
    if (this.#last !== undefined) {
      // A pause says nothing about the frames after it.
      this.#mean += (Math.min(dts - this.#last, 2 * this.#mean) - this.#mean) / 16;
    }
    this.#last = dts;
    this.#floor = dts + 1;
    const pts = Math.max(dts, Math.round((at + offset) * TICKS_PER_MILLI));
    return { dts: ticks(dts), pts: ticks(pts), duration: ticks(Math.max(1, this.#mean)) };
  }
}
