import type { Clock } from '#core/media/time.ts';

import type { Audience, Viewer } from '../../audience/audience.ts';
import type { ViewerChange } from './messages.ts';

/** The viewers of one worker in the audience of the process. A player has connections to several workers, and is one viewer: who they are is told, not how many. */
export class WorkerCrowd {
  readonly #audience: Audience;
  readonly #clock: Clock;
  readonly #viewers = new Map<string, Viewer>();

  constructor(audience: Audience, clock: Clock) {
    this.#audience = audience;
    this.#clock = clock;
  }

  take(changes: readonly ViewerChange[]): void {
    for (const [came, ...who] of changes) {
      const key = who.join(' ');
      this.#release(key);
      const viewer = came ? this.#audience.viewer(...who, this.#clock()) : undefined;
      if (viewer !== undefined) {
        // Here as long as the worker says so, as if a request were waiting.
        viewer.waiting += 1;
        this.#viewers.set(key, viewer);
      }
    }
  }

  /** The worker has ended: its viewers come back elsewhere, or are forgotten when they have not been seen for a while. */
  close(): void {
    for (const [key, viewer] of this.#viewers) {
      viewer.lastSeen = this.#clock();
      this.#release(key);
    }
  }

  #release(key: string): void {
    const viewer = this.#viewers.get(key);
    if (viewer !== undefined) {
      viewer.waiting -= 1;
      this.#viewers.delete(key);
    }
  }
}
