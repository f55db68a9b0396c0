import { millis, type Millis } from '../../media/time.ts';

/**
 * A key frame older than this is asked for anew. Publishers that send one within 2.1 s by themselves, which is what groups of HLS can
 * start at (MAX_GROUP_SECONDS), are never asked. Browsers send key frames only on request: one every 2.2 s costs them about a
 * tenth of their bit rate and lets every viewer enter, and change the layer, within 2.2 s and without a way back from the
 * viewer to the publisher. Groups, HLS and DASH do not stand on these: they are cut by the second, and encoded.
 */
const STALE = 2200;
/** Nothing decodable since the stream began. The first key frame is large, and paced by a sender that does not know the path yet. */
const FIRST = 400;
const FIRST_AGAIN = 1000;
/** Least time between two requests that are urgent, where the first was not answered, as the answer may be on its way, and where it was. */
const URGENT_AGAIN = 500;
const NEXT_URGENT = 150;
/** A key frame so soon after a request is its answer. */
const ANSWER = 1000;
/** Layers are asked together where one must be and the other's key frame is older than this: so they fall on one frame. */
const TOGETHER = 1000;

/** When to ask one stream for a key frame. */
export class KeyRequests {
  readonly #beganAt: Millis;
  #keyAt: Millis | undefined;
  #askedAt: Millis | undefined;
  #urgent = false;
  #answered = false;

  constructor(now: Millis) {
    this.#beganAt = now;
  }

  /** True where the publisher has answered a request: OBS, for one, never does. */
  get answered(): boolean {
    return this.#answered;
  }

  /** Moment of the next request. */
  get deadline(): Millis {
    const askedAt = this.#askedAt ?? -Infinity;
    if (this.#keyAt === undefined) {
      return millis(Math.max(this.#beganAt + FIRST, askedAt + FIRST_AGAIN));
    }
    const pause = askedAt > this.#keyAt ? URGENT_AGAIN : NEXT_URGENT;
    return millis(this.#urgent ? Math.max(this.#keyAt, askedAt + pause) : Math.max(this.#keyAt, askedAt) + STALE);
  }

  /** A key frame came. */
  key(now: Millis): void {
    this.#answered ||= this.#askedAt !== undefined && this.#keyAt !== undefined && this.#askedAt > this.#keyAt && now - this.#askedAt <= ANSWER;
    this.#keyAt = now;
    this.#urgent = false;
  }

  /** One is needed as soon as can be: references were lost. */
  need(): void {
    this.#urgent = true;
  }

  /** True where a request that goes out for another layer should go out for this one too. */
  joins(now: Millis): boolean {
    return this.#keyAt !== undefined && now - Math.max(this.#keyAt, this.#askedAt ?? this.#keyAt) >= TOGETHER;
  }

  /** A request goes out. */
  asked(now: Millis): void {
    this.#askedAt = now;
  }
}
