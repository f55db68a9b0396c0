import type { Millis } from '#core/media/time.ts';

import type { FeedObserver } from '../../follow/track-feed.ts';
import type { EdgeCounts, RequestKind, RequestObserver } from '../metrics.ts';

/** Parts of which the delay is told at a time; more come only where a thread stood still. */
const MAX_DELAYS = 10_000;

/** Counts what a worker does, until it is told to the main thread. */
export class WorkerCounts implements RequestObserver, FeedObserver {
  #requests = new Map<RequestKind, Map<number, number>>();
  #delays: Millis[] = [];
  #bytes = 0;
  #blocked = 0;
  #groupsLost = 0;

  answered(kind: RequestKind, status: number, bytes: number): void {
    let statuses = this.#requests.get(kind);
    if (statuses === undefined) {
      statuses = new Map();
      this.#requests.set(kind, statuses);
    }
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    this.#bytes += bytes;
  }

  blocked(): void {
    this.#blocked += 1;
  }

  partAvailable(delay: Millis): void {
    if (this.#delays.length < MAX_DELAYS) {
      this.#delays.push(delay);
    }
  }

  groupsLost(groups: number): void {
    this.#groupsLost += groups;
  }

  /** What was counted since this was last called. */
  take(): EdgeCounts {
    const requests = [...this.#requests].flatMap(([kind, statuses]) => [...statuses].map(([status, count]) => [kind, status, count] as const));
    const counts = { requests, bytes: this.#bytes, blocked: this.#blocked, groupsLost: this.#groupsLost, delays: this.#delays };
    this.#requests = new Map();
    this.#delays = [];
    this.#bytes = 0;
    this.#blocked = 0;
    this.#groupsLost = 0;
    return counts;
  }
}
