import { addCounts } from '#core/rtc/workers/counts.ts';
import { messageOf } from '#core/runtime/errors.ts';
import type { RestartAnswer } from '#core/rtc/sdp/fragment.ts';
import { Refusal } from '#core/rtc/signalling/refusal.ts';
import type { IceCredentials } from '#core/rtc/transport.ts';

import type { EgressFacts, EgressGauge, PathSample } from '../egress-facts.ts';
import type { ViewerRequest } from '../egress.ts';
import type { LayerWish } from '../layers.ts';
import type { EgressControl } from '../whep-face.ts';
import { EgressThread, type EgressThreadOptions } from './egress-thread.ts';

/** What a pool is made of. */
export type EgressPoolOptions = EgressThreadOptions & {
  /** How many threads. */
  readonly size: number;
};

/** A thread that has run for so long may end without making its successor wait. */
const STEADY_MILLIS = 10_000;
/** Else the next one waits, each time twice as long. */
const FIRST_PAUSE_MILLIS = 500;
const LONGEST_PAUSE_MILLIS = 30_000;

/** A place in the pool: a thread, or a pause before the next. */
type Place = { thread: EgressThread | undefined; pause: number; timer: NodeJS.Timeout | undefined };

const nothing: EgressFacts = {
  viewers: 0,
  feeds: 0,
  keyRequests: 0,
  groupsLost: 0,
  switches: { up: 0, down: 0, other: 0 },
  totals: { packets: 0, bytes: 0, retransmitted: 0, padding: 0, framesSkipped: 0 },
};

/** Egress on several worker threads: each viewer is on the one that had the fewest. A thread that fails ends its own viewers and is started again. */
export class EgressPool implements EgressControl, EgressGauge {
  readonly #options: EgressPoolOptions;
  readonly #places: readonly Place[];
  /** Of threads that have ended. */
  #retired = nothing;
  #restarts = 0;
  #isClosing = false;

  constructor(options: EgressPoolOptions) {
    this.#options = options;
    this.#places = Array.from({ length: options.size }, () => ({ thread: undefined, pause: FIRST_PAUSE_MILLIS, timer: undefined }));
    this.#places.forEach((place) => this.#start(place));
  }

  /** Viewers by thread. */
  get viewersByThread(): readonly number[] {
    return this.#places.map(({ thread }) => thread?.viewers.size ?? 0);
  }

  /** Threads that were started again. */
  get restarts(): number {
    return this.#restarts;
  }

  facts(): EgressFacts {
    const sum = this.#threads.reduce((facts, thread) => addCounts(facts, thread.facts ?? nothing), this.#retired);
    return { ...sum, viewers: this.viewersByThread.reduce((viewers, more) => viewers + more, 0) };
  }

  samples(): readonly PathSample[] {
    return this.#threads.flatMap(({ samples }) => samples);
  }

  /**
   * As `Egress.create`, on the thread with the fewest viewers.
   *
   * @throws {Refusal} 503 `whep/no-worker` while no thread runs, `whep/worker-gone` where it ends meanwhile.
   */
  async create(request: ViewerRequest): Promise<string> {
    const [least] = this.#threads.toSorted((a, b) => a.viewers.size - b.viewers.size);
    if (least === undefined || this.#isClosing) {
      throw new Refusal(503, 'whep/no-worker', 'No part of the server that sends media over WebRTC is running.', { retryAfter: 2 });
    }
    return least.create(request);
  }

  async restart(id: string, ice: IceCredentials): Promise<RestartAnswer | undefined> {
    return this.#threadOf(id)?.restart(id, ice);
  }

  async wish(id: string, wish: LayerWish): Promise<boolean> {
    return (await this.#threadOf(id)?.wish(id, wish)) ?? false;
  }

  remove(id: string): void {
    this.#threadOf(id)?.remove(id);
  }

  /** Says goodbye to everybody and ends the threads. Idempotent. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#places.forEach(({ timer }) => clearTimeout(timer));
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }

  get #threads(): readonly EgressThread[] {
    return this.#places.flatMap(({ thread }) => thread ?? []);
  }

  #threadOf(id: string): EgressThread | undefined {
    return this.#threads.find(({ viewers }) => viewers.has(id));
  }

  #start(place: Place): void {
    const { log } = this.#options;
    const startedAt = performance.now();
    try {
      const thread = new EgressThread(this.#options);
      place.thread = thread;
      void thread.ended.then(() => this.#ended(place, thread, performance.now() - startedAt));
    } catch (error) {
      log.error({ reason: messageOf(error) }, 'a WebRTC worker cannot be started');
      this.#startLater(place);
    }
  }

  #ended(place: Place, { facts = nothing }: EgressThread, lived: number): void {
    place.thread = undefined;
    this.#retired = addCounts(this.#retired, { ...facts, viewers: 0, feeds: 0 });
    if (!this.#isClosing) {
      if (lived >= STEADY_MILLIS) {
        place.pause = FIRST_PAUSE_MILLIS;
      }
      this.#options.log.warn({ pause: place.pause }, 'a WebRTC worker has ended and its viewers with it; another takes its place');
      this.#startLater(place);
    }
  }

  #startLater(place: Place): void {
    place.timer = setTimeout(() => {
      this.#restarts += 1;
      this.#start(place);
    }, place.pause);
    place.timer.unref();
    place.pause = Math.min(2 * place.pause, LONGEST_PAUSE_MILLIS);
  }
}
