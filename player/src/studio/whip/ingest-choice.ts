import { ask, isRecord } from '../../api/answer.ts';
import { edgeBase } from '../../edges/edge-base.ts';

/** Options of {@link IngestChoice}. */
export type IngestChoiceOptions = {
  /** Absolute URL of the root that the page came from. */
  readonly home: string;
  /** The WHIP endpoint there. */
  readonly own: string;
  /** Who takes broadcasts, best first (`GET /api/v1/ingests`). */
  readonly list: string;
};

/** A list that does not come is not waited for, milliseconds: the page's own server is the next best guess. */
const patience = 1_500;

/**
 * Where to publish. The page's own server may take no broadcasts, or no more of them, and send the offer on; a browser follows to another origin
 * without the key. So it asks first.
 */
export class IngestChoice {
  readonly #options: IngestChoiceOptions;
  #last: string | undefined;
  #failed: string | undefined;

  constructor(options: IngestChoiceOptions) {
    this.#options = options;
  }

  /** The endpoint for the next attempt: that of the last one where it worked, another one where there is any. */
  async next(signal: AbortSignal): Promise<string> {
    const { own } = this.#options;
    const endpoints = await this.#ask(signal);
    const fit = endpoints.filter((endpoint) => endpoint !== this.#failed);
    const sticky = fit.find((endpoint) => endpoint === this.#last);
    this.#last = sticky ?? fit[0] ?? endpoints[0] ?? own;
    return this.#last;
  }

  /** The last attempt has failed. */
  failed(): void {
    this.#failed = this.#last;
  }

  /** The last attempt has worked. */
  works(): void {
    this.#failed = undefined;
  }

  async #ask(signal: AbortSignal): Promise<readonly string[]> {
    const { list, home } = this.#options;
    try {
      const body = await ask(list, AbortSignal.any([signal, AbortSignal.timeout(patience)]));
      const ingests: readonly unknown[] = isRecord(body) && Array.isArray(body['ingests']) ? body['ingests'] : [];
      const bases = ingests.map((ingest) => (isRecord(ingest) && ingest['whip'] === true ? edgeBase(ingest['url'], home) : undefined));
      return bases.filter((base) => base !== undefined).map((base) => `${base}whip`);
    } catch {
      return [];
    }
  }
}
