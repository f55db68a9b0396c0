import { heardFrom } from './outbound.ts';
import type { StatsRow } from './outbound.ts';
import type { WhipSession } from './whip-session.ts';

/** Options of {@link LinkWatch}. */
export type LinkWatchOptions = {
  readonly session: WhipSession;
  /** Nothing comes back: ICE is being restarted. */
  readonly troubled: () => void;
  /** Something comes again. */
  readonly recovered: () => void;
  /** Told of each reading of the statistics. */
  readonly sampled: (rows: readonly StatsRow[]) => void;
};

/** Between two readings of the statistics, milliseconds. */
const interval = 500;

/** The server answers media many times a second; so long without a word, and something is wrong. */
const silence = 2_000;

/** A restart has this long to bring an answer; a request that fails meanwhile (another network is just coming) is made again. */
const restartPatience = 4_000;
const requestAgain = 400;

/** Watches one session from when it is connected until it is lost. */
export class LinkWatch {
  /** Resolves when the session is lost, and no restart has helped. */
  readonly lost: Promise<void>;
  readonly #options: LinkWatchOptions;
  readonly #ends = new AbortController();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #over = Promise.withResolvers<void>();
  #heard = 0;
  #heardAt = performance.now();
  #busy = false;

  constructor(options: LinkWatchOptions) {
    this.#options = options;
    this.lost = this.#over.promise;
    const { signal } = this.#ends;
    const { peer } = options.session;
    this.#timer = setInterval(() => void this.#look(), interval);
    const suspect = (): void => void this.#restartIfQuiet(interval);
    addEventListener('online', suspect, { signal });
    (navigator as { readonly connection?: EventTarget }).connection?.addEventListener('change', suspect, { signal });
    peer.addEventListener('iceconnectionstatechange', () => peer.iceConnectionState === 'disconnected' && suspect(), { signal });
    peer.addEventListener('connectionstatechange', () => (peer.connectionState === 'failed' || peer.connectionState === 'closed') && this.#giveUp(), { signal });
    // The server has ended the session (close_notify): there is nothing to restart.
    peer.getSenders()[0]?.transport?.addEventListener('statechange', ({ target }) => (target as RTCDtlsTransport).state === 'closed' && this.#giveUp(), { signal });
  }

  /** Ends the watch; {@link lost} resolves. Idempotent. */
  close(): void {
    this.#giveUp();
  }

  async #look(): Promise<void> {
    if (this.#ends.signal.aborted) {
      return;
    }
    const rows = await this.#read();
    this.#options.sampled(rows);
    await this.#restartIfQuiet(silence);
  }

  /** The statistics; notes whether something has come since the last reading. */
  async #read(): Promise<readonly StatsRow[]> {
    const rows = [...(await this.#options.session.peer.getStats()).values()] as StatsRow[];
    const heard = heardFrom(rows);
    if (heard !== this.#heard) {
      this.#heard = heard;
      this.#heardAt = performance.now();
    }
    return rows;
  }

  async #restartIfQuiet(limit: number): Promise<void> {
    if (this.#busy || this.#ends.signal.aborted || performance.now() - this.#heardAt < limit) {
      return;
    }
    this.#busy = true;
    this.#options.troubled();
    try {
      await this.#restart();
    } catch {
      this.#giveUp();
    } finally {
      this.#busy = false;
    }
  }

  async #restart(): Promise<void> {
    const until = performance.now() + restartPatience;
    await this.#ask(until);
    const asked = performance.now();
    while (this.#heardAt < asked) {
      if (performance.now() > until || this.#ends.signal.aborted) {
        throw new Error('The restart has brought nothing.');
      }
      await pause(100);
      await this.#read();
    }
    this.#options.recovered();
  }

  async #ask(until: number): Promise<void> {
    for (;;) {
      try {
        await this.#options.session.restart(AbortSignal.any([this.#ends.signal, AbortSignal.timeout(Math.max(until - performance.now(), 100))]));
        return;
      } catch (error) {
        // What the server refuses it will refuse again; what did not get through may get through now.
        if (!(error instanceof TypeError) || performance.now() + requestAgain > until) {
          throw error;
        }
        await pause(requestAgain);
      }
    }
  }

  #giveUp(): void {
    clearInterval(this.#timer);
    this.#ends.abort();
    this.#over.resolve();
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
