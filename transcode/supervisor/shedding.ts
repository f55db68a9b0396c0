import { elapsed, millis, type Millis, type WallTime } from '#core/media/time.ts';
import type { TrackName } from '#core/media/track.ts';
import type { EncodedRung } from '../plan/encoded-rung.ts';

/** Load of the machine under which a shed rung may come back: 0 idle, 1 busy. */
const CALM_LOAD = 0.7;
const CALM_FOR = millis(60_000);
/** A rung that had to go again right after it came back waits twice as long each time, up to this. */
const LONGEST_WAIT = millis(16 * 60_000);

/** Which rungs a broadcast goes without, and when they come back. */
export class Shedding {
  readonly #shed: TrackName[] = [];
  #calmSince: WallTime | undefined;
  #wait: Millis = CALM_FOR;
  #returnedAt: WallTime | undefined;

  /** The rungs left out now, oldest first. */
  get shed(): readonly TrackName[] {
    return [...this.#shed];
  }

  /**
   * Leaves the costliest rung out.
   *
   * @param keepOne true where nothing but encoded rungs serves HLS: the last one then stays.
   * @returns its track, or undefined where nothing is left to shed.
   */
  shedCostliest(rungs: readonly EncodedRung[], now: WallTime, keepOne: boolean): TrackName | undefined {
    const running = rungs.filter(({ track }) => !this.#shed.includes(track)).sort((a, b) => b.cost - a.cost);
    const costliest = running[0];
    if (costliest === undefined || (keepOne && running.length === 1)) {
      return undefined;
    }
    this.#shed.push(costliest.track);
    const again = this.#returnedAt !== undefined && elapsed(this.#returnedAt, now) < this.#wait;
    this.#wait = again ? millis(Math.min(LONGEST_WAIT, this.#wait * 2)) : CALM_FOR;
    this.#calmSince = undefined;
    return costliest.track;
  }

  /** Takes the machine's load; gives the rung that comes back now, the one that went last. */
  observe(load: number, now: WallTime): TrackName | undefined {
    if (this.#shed.length === 0 || load >= CALM_LOAD) {
      this.#calmSince = undefined;
      return undefined;
    }
    this.#calmSince ??= now;
    if (elapsed(this.#calmSince, now) < this.#wait) {
      return undefined;
    }
    this.#calmSince = undefined;
    this.#returnedAt = now;
    return this.#shed.pop();
  }

  /** Forgets everything: another source, another ladder. */
  clear(): void {
    this.#shed.length = 0;
    this.#calmSince = undefined;
    this.#wait = CALM_FOR;
    this.#returnedAt = undefined;
  }
}
