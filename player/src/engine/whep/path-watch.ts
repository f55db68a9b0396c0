import { readSample } from './rtc-sample.ts';
import type { RtcSample } from './rtc-sample.ts';
import type { WhepConnection } from './whep-connection.ts';

/** Options of {@link PathWatch}. */
export type PathWatchOptions = {
  readonly connection: WhepConnection;
  /** When the last frame was shown, by `performance.now()`. */
  readonly lastFrameAt: () => number | undefined;
  /** Nothing has come for a while; a restart follows where it goes on. Called once for each silence. */
  readonly suspicious?: () => void;
  readonly troubled: (detail: string) => void;
  readonly recovered: () => void;
  /** No restart has helped: the session is lost. Called once. */
  readonly lost: () => void;
};

/** Between two looks, milliseconds. */
const lookInterval = 200;

/** Frames that come in this time need no closer look; ... */
const lively = 500;

/** ... nothing at all for this long means that the path has died. Live pictures send something many times a second. */
const silence = 800;

/** A restart has this long to bring packets. A request that fails meanwhile (another network is just coming) is made again after a moment. */
const restartPatience = 1_100;
const requestAgain = 200;

/** After a change of address the browser may still ask over a connection that has died with the old one: such a request is given up soon. */
const requestPatience = 450;

/** After a restart that found a path, but no media, the publisher is who is silent: left alone for this long. */
const leaveAlone = 8_000;

/**
 * Sees to it that packets go on coming. When none do, and when the network changes, it restarts ICE; when that does not help, it gives
 * the session up.
 */
export class PathWatch {
  readonly #options: PathWatchOptions;
  readonly #ends = new AbortController();
  readonly #timer: ReturnType<typeof setInterval>;
  #sample: RtcSample | undefined;
  #packetsAt = performance.now();
  #quietUntil = 0;
  #silentPublisher = false;
  #isLively = false;
  #busy = false;

  constructor(options: PathWatchOptions) {
    this.#options = options;
    const { signal } = this.#ends;
    const { peer } = options.connection;
    const look = (): void => void this.#look();
    this.#timer = setInterval(look, lookInterval);
    addEventListener('online', () => this.#restartSoon(), { signal });
    (navigator as { readonly connection?: EventTarget }).connection?.addEventListener('change', () => this.#suspect(), { signal });
    peer.addEventListener('iceconnectionstatechange', () => peer.iceConnectionState === 'disconnected' && this.#restartSoon(), { signal });
    peer.addEventListener('connectionstatechange', () => (peer.connectionState === 'failed' || peer.connectionState === 'closed') && this.#giveUp(), { signal });
    // The server has ended the session (close_notify): there is nothing to restart.
    peer.getReceivers()[0]?.transport?.addEventListener('statechange', ({ target }) => (target as RTCDtlsTransport).state === 'closed' && this.#giveUp(), { signal });
  }

  /** The server says that its publisher is silent: nothing is wrong with the path, though some frames may still be on their way. */
  falls(): void {
    this.#silentPublisher = true;
  }

  /** The server says that its publisher is back. */
  speaks(): void {
    this.#silentPublisher = false;
    this.#packetsAt = performance.now();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#ends.abort();
  }

  async #look(): Promise<void> {
    const now = performance.now();
    const last = this.#options.lastFrameAt();
    if (this.#busy || this.#ends.signal.aborted) {
      return;
    }
    if (last !== undefined && now - last < lively) {
      this.#packetsAt = Math.max(this.#packetsAt, last);
      this.#isLively = true;
      return;
    }
    if (this.#isLively) {
      if (!this.#silentPublisher) {
        this.#options.suspicious?.();
      }
      // What is counted from is old: packets since then say nothing of now.
      this.#isLively = false;
      this.#sample = await this.#read();
      return;
    }
    await this.#count();
    const silent = performance.now() - this.#packetsAt > silence;
    if (silent && !this.#silentPublisher && performance.now() > this.#quietUntil) {
      await this.#restart();
    }
  }

  /** True when packets have come since the last look. */
  async #count(): Promise<boolean> {
    const sample = await this.#read();
    const before = this.#sample;
    this.#sample = sample;
    const came = before === undefined || sample.packets > before.packets;
    if (came) {
      this.#packetsAt = performance.now();
    }
    return came;
  }

  async #read(): Promise<RtcSample> {
    return readSample((await this.#options.connection.peer.getStats()).values(), performance.now());
  }

  /** Another network: the old path may live on for a while, so it is only looked at sooner. */
  #suspect(): void {
    this.#quietUntil = 0;
    this.#silentPublisher = false;
  }

  #restartSoon(): void {
    this.#suspect();
    if (performance.now() - this.#packetsAt > lookInterval) {
      void this.#restart();
    }
  }

  async #restart(): Promise<void> {
    if (this.#busy) {
      return;
    }
    this.#busy = true;
    const { connection, troubled, recovered } = this.#options;
    troubled('no packets: ICE restart');
    const before = await this.#read();
    const until = performance.now() + restartPatience;
    try {
      await this.#ask(connection, until);
      do {
        await pause(50);
        const now = await this.#read();
        if (now.packets > before.packets) {
          this.#packetsAt = performance.now();
          recovered();
          return;
        }
      } while (performance.now() < until && !this.#ends.signal.aborted);
      if (connection.peer.iceConnectionState === 'connected' || connection.peer.iceConnectionState === 'completed') {
        // ICE is in order on the new credentials: nobody is sending.
        this.#quietUntil = performance.now() + leaveAlone;
        return;
      }
      this.#giveUp();
    } catch {
      this.#giveUp();
    } finally {
      this.#busy = false;
    }
  }

  async #ask(connection: WhepConnection, until: number): Promise<void> {
    for (;;) {
      try {
        await connection.restart(AbortSignal.any([this.#ends.signal, AbortSignal.timeout(requestPatience)]));
        return;
      } catch (error) {
        // What the server refuses it will refuse again; what did not get through may get through now.
        const passing = error instanceof TypeError || (error instanceof DOMException && error.name === 'TimeoutError');
        if (!passing || this.#ends.signal.aborted || performance.now() + requestAgain > until) {
          throw error;
        }
        await pause(requestAgain);
      }
    }
  }

  #giveUp(): void {
    if (!this.#ends.signal.aborted) {
      this.close();
      this.#options.lost();
    }
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
