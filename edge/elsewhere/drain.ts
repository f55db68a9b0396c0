import { millis, type Millis } from '#core/media/time.ts';

import type { OtherEdges } from './other-edges.ts';

/** What a {@link Drain} works with. */
export type DrainOptions = {
  readonly edges: OtherEdges;
  /** Viewers over all protocols. */
  readonly viewers: () => number;
  /** Tells WebRTC viewers who have not been told yet. */
  readonly tell: () => void;
};

const LOOK = millis(250);

/** Sends this edge's viewers to others. */
export class Drain {
  readonly #options: DrainOptions;
  #over: PromiseWithResolvers<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #limit: NodeJS.Timeout | undefined;

  constructor(options: DrainOptions) {
    this.#options = options;
  }

  /** Whether viewers are being sent away. */
  get isOn(): boolean {
    return this.#over !== undefined;
  }

  /** Where one viewer is to go: base URL of another edge, while this one drains and there is one. */
  get target(): string | undefined {
    return this.isOn ? this.#options.edges.next() : undefined;
  }

  /** Begins. Settles once no viewer is left, after `limit`, or at once where there is no other edge. Further calls wait for the same. */
  begin(limit: Millis): Promise<void> {
    const { edges } = this.#options;
    if (this.#over === undefined) {
      this.#over = Promise.withResolvers();
      if (edges.some) {
        this.#timer = setInterval(() => this.#look(), LOOK);
        this.#limit = setTimeout(() => this.close(), limit);
        this.#look();
      } else {
        this.close();
      }
    }
    return this.#over.promise;
  }

  /** Waits no longer for viewers to go. Idempotent. */
  close(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#limit);
    this.#over?.resolve();
  }

  #look(): void {
    const { viewers, tell } = this.#options;
    tell();
    if (viewers() === 0) {
      this.close();
    }
  }
}
