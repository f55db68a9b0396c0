import { addCounts } from '#core/rtc/workers/counts.ts';
import { messageOf } from '#core/runtime/errors.ts';
import { WorkerPlaces } from '#core/runtime/worker-places.ts';
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
  readonly #places: WorkerPlaces<EgressThread>;
  /** Of threads that have ended. */
  #retired = nothing;
  #isClosing = false;

  constructor(options: EgressPoolOptions) {
    this.#options = options;
    this.#places = new WorkerPlaces({
      size: options.size,
      start: () => this.#start(),
      replaced: (_place, pause) => options.log.warn({ pause }, 'a WebRTC worker has ended and its viewers with it; another takes its place'),
      failed: (error) => options.log.error({ reason: messageOf(error) }, 'a WebRTC worker cannot be started'),
    });
  }

  /** Viewers by thread. */
  get viewersByThread(): readonly number[] {
    return this.#places.byPlace.map((thread) => thread?.viewers.size ?? 0);
  }

  /** Threads that were started again. */
  get restarts(): number {
    return this.#places.restarts;
  }

  facts(): EgressFacts {
    const sum = this.#places.running.reduce((facts, thread) => addCounts(facts, thread.facts ?? nothing), this.#retired);
    return { ...sum, viewers: this.viewersByThread.reduce((viewers, more) => viewers + more, 0) };
  }

  samples(): readonly PathSample[] {
    return this.#places.running.flatMap(({ samples }) => samples);
  }

  /**
   * As `Egress.create`, on the thread with the fewest viewers.
   *
   * @throws {Refusal} 503 `whep/no-worker` while no thread runs, `whep/worker-gone` where it ends meanwhile.
   */
  async create(request: ViewerRequest): Promise<string> {
    const [least] = this.#places.running.toSorted((a, b) => a.viewers.size - b.viewers.size);
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
    this.#places.stop();
    await Promise.all(this.#places.running.map((thread) => thread.close()));
  }

  #threadOf(id: string): EgressThread | undefined {
    return this.#places.running.find(({ viewers }) => viewers.has(id));
  }

  #start(): EgressThread {
    const thread = new EgressThread(this.#options);
    void thread.ended.then(() => (this.#retired = addCounts(this.#retired, { ...(thread.facts ?? nothing), viewers: 0, feeds: 0 })));
    return thread;
  }
}
