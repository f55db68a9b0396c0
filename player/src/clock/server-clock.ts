import { millis, wallTime } from '#core/media/time.ts';
import type { Millis, WallTime } from '#core/media/time.ts';
import type { Reader } from '../api/answer.ts';
import { ClockOffset } from './clock-offset.ts';

/** Questions asked at first, and then in each later round. */
const firstRound = 3;
const laterRound = 2;

/** Between rounds. Browsers' clocks drift by some 10 ms in this time at worst. */
const roundInterval = 60_000;

/** A server without an answer is asked again after this. */
const retryInterval = 5_000;

/** Our clock was set when it moves against the page's monotonic one by more than this. */
const clockJump = 250;

/**
 * The server's clock (`/time`), kept by asking it now and then. Until the first answer it is our own clock.
 */
export class ServerClock {
  readonly #url: string;
  readonly #reader: Reader | undefined;
  readonly #offset = new ClockOffset();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  /** Wall time minus monotonic time when last looked at. */
  #origin = Date.now() - performance.now();

  /** Takes the URL to ask, of whichever edge serves; it answers the time as ISO 8601 text. */
  constructor(url: string, reader?: Reader) {
    this.#reader = reader;
    this.#url = url;
  }

  /** Begins to ask. */
  start(): void {
    void this.#round(firstRound);
  }

  /** The present instant by the server's clock. */
  now(): WallTime {
    const local = localNow();
    return wallTime(local + this.#offset.offset(local));
  }

  /** How wrong {@link now} may be at most; infinite before the first answer. */
  errorBound(): Millis {
    return this.#offset.errorBound(localNow());
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #round(questions: number): Promise<void> {
    const origin = Date.now() - performance.now();
    if (Math.abs(origin - this.#origin) > clockJump) {
      this.#offset.reset();
    }
    this.#origin = origin;
    let answered = false;
    for (let i = 0; i < questions && !this.#closed; i += 1) {
      answered = (await this.#ask()) || answered;
    }
    if (!this.#closed) {
      this.#timer = setTimeout(() => void this.#round(laterRound), answered ? roundInterval : retryInterval);
    }
  }

  async #ask(): Promise<boolean> {
    const sent = localNow();
    try {
      const init: RequestInit = { cache: 'no-store', signal: AbortSignal.timeout(5_000) };
      const response = await (this.#reader?.fetch(this.#url, init) ?? fetch(this.#url, init));
      const received = localNow();
      if (!response.ok) {
        return false;
      }
      this.#offset.add({ sent, received, server: wallTime(Date.parse((await response.text()).trim())) });
      return this.#offset.hasSample;
    } catch {
      return false;
    }
  }
}

/** Our clock with the monotonic clock's resolution, following the system's when it is set. */
function localNow(): WallTime {
  return wallTime(Date.now());
}

/** The age of an instant by a clock. */
export function since(clock: { now(): WallTime }, instant: WallTime): Millis {
  return millis(clock.now() - instant);
}
