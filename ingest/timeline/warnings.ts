import type { Warning } from '#core/bus/catalog.ts';
import { elapsed, later, millis, type Millis, type WallTime } from '#core/media/time.ts';

/** How long a fault that happened once is shown. */
const SHOWN = millis(30_000);
const MAX_WARNINGS = 32;

type Entry = { message: string; readonly since: WallTime; until: WallTime };

/** The warnings a broadcaster is shown: conditions while they last, events for a while after they happened last. */
export class Warnings {
  readonly #entries = new Map<string, Entry>();

  /** A condition: shown until it is {@link clear}ed. */
  set(code: string, message: string, now: WallTime): void {
    this.#put(code, message, now, Infinity as WallTime);
  }

  /** An event: shown for a while, and longer each time it happens again. */
  raise(code: string, message: string, now: WallTime, shown: Millis = SHOWN): void {
    this.#put(code, message, now, later(now, shown));
  }

  /** The condition is cured. */
  clear(code: string): void {
    this.#entries.delete(code);
  }

  /** Sets or clears a condition. */
  when(active: boolean, code: string, message: () => string, now: WallTime): void {
    if (active) {
      this.set(code, message(), now);
    } else {
      this.clear(code);
    }
  }

  has(code: string): boolean {
    return this.#entries.has(code);
  }

  /** What is to be shown now, oldest first. */
  list(now: WallTime): Warning[] {
    for (const [code, entry] of this.#entries) {
      if (elapsed(now, entry.until) <= 0) {
        this.#entries.delete(code);
      }
    }
    return [...this.#entries].map(([code, { message, since }]) => ({ code, message, since })).sort((a, b) => a.since - b.since);
  }

  #put(code: string, message: string, now: WallTime, until: WallTime): void {
    const known = this.#entries.get(code);
    if (known) {
      known.message = message;
      known.until = until;
    } else if (this.#entries.size < MAX_WARNINGS) {
      this.#entries.set(code, { message, since: now, until });
    }
  }
}
