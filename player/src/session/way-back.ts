import { millis } from '#core/media/time.ts';
import type { Millis } from '#core/media/time.ts';
import { failureOf } from '../engine/engine-error.ts';
import { WhepConnection } from '../engine/whep/whep-connection.ts';
import { BackOff } from './back-off.ts';

/** Options of {@link WayBack}. */
export type WayBackOptions = {
  /** The WHEP endpoint, at the edge in use. */
  readonly url: () => string;
  /** False while an attempt would disturb: nothing plays, or nobody looks. */
  readonly mayTry: () => boolean;
  /** Media have come over this connection: it is the session's from now on. */
  readonly ready: (connection: WhepConnection) => void;
  /** The first wait; those that follow are twice as long, up to five minutes. */
  readonly first?: Millis;
};

const firstWait = millis(10_000);
const longestWait = millis(300_000);

/** An attempt beside a playing engine has time: a slow path is better than none. */
const patience = 8_000;

/** Where an attempt may not be made just now, it is put off by this, milliseconds. */
const putOff = 2_000;

/**
 * Tries WebRTC again while another way plays, less and less often, and at once when the network has changed. What plays goes on playing
 * meanwhile, until media have come.
 */
export class WayBack {
  readonly #options: WayBackOptions;
  readonly #backOff: BackOff;
  readonly #ends = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #connection: WhepConnection | undefined;

  constructor(options: WayBackOptions) {
    this.#options = options;
    this.#backOff = new BackOff(options.first ?? firstWait, longestWait);
    const { signal } = this.#ends;
    const network = (navigator as { readonly connection?: EventTarget }).connection;
    addEventListener('online', () => this.hurry(), { signal });
    network?.addEventListener('change', () => this.hurry(), { signal });
  }

  /** Begins to wait; `least`: not sooner than the server asked. */
  start(least: Millis = millis(0)): void {
    this.#schedule(Math.max(this.#backOff.next(), least));
  }

  /** Tries soon: the network is another one. */
  hurry(): void {
    if (this.#connection === undefined) {
      this.#backOff.reset();
      this.#schedule(500);
    }
  }

  /** Ends it, and an attempt that is under way. Idempotent. */
  close(): void {
    this.#ends.abort();
    clearTimeout(this.#timer);
    this.#connection?.leave();
    this.#connection = undefined;
  }

  #schedule(wait: number): void {
    clearTimeout(this.#timer);
    if (!this.#ends.signal.aborted) {
      this.#timer = setTimeout(() => void this.#try(), wait);
    }
  }

  async #try(): Promise<void> {
    const { url, mayTry, ready } = this.#options;
    if (!mayTry()) {
      this.#schedule(putOff);
      return;
    }
    const connection = new WhepConnection(url());
    this.#connection = connection;
    try {
      await connection.media(performance.now() + patience);
      if (!this.#ends.signal.aborted) {
        this.#connection = undefined;
        this.#ends.abort();
        ready(connection);
      }
    } catch (error) {
      connection.leave();
      this.#connection = undefined;
      const { kind, retryAfter = 0 } = failureOf(error);
      // Codecs that do not fit will not fit later: the next broadcast is another matter.
      if (kind !== 'unfit') {
        this.#schedule(Math.max(this.#backOff.next(), retryAfter));
      }
    }
  }
}
