import { millis } from '#core/media/time.ts';
import type { Millis } from '#core/media/time.ts';
import { chooseEngine } from '../engine/choose-engine.ts';
import type { EngineWay } from '../engine/choose-engine.ts';
import type { EngineChoice } from '../address/address.ts';
import type { EngineFailure, EngineKind } from '../engine/engine.ts';
import type { WhepConnection } from '../engine/whep/whep-connection.ts';
import type { EngineSeat } from './engine-seat.ts';
import { WayBack } from './way-back.ts';
import { WayPlan } from './way-plan.ts';

/** Options of {@link WayFinder}. */
export type WayFinderOptions = {
  readonly choice: EngineChoice;
  readonly video: HTMLVideoElement;
  /** The WHEP endpoint, at the edge in use. */
  readonly whepUrl: () => string;
  readonly seat: EngineSeat;
  /** An engine has begun; it may have to be told to play. */
  readonly begun: () => void;
  /** What plays does so undisturbed, and somebody looks. */
  readonly playsWell: () => boolean;
  /** Nothing has been shown yet. */
  readonly starting: () => boolean;
};

/** When WebRTC has not begun after this, what comes after it is made ready. */
const prepareAfter = 900;

/** A way that has failed rests for this long, should everything have to begin anew. */
const restAfterFailure = 25_000;

/** A connection that played and was lost is tried again sooner than one that never came about. */
const returnAfterLoss = millis(5_000);

/** Goes the best way there is, falls back to the next one, and comes back. */
export class WayFinder {
  readonly #options: WayFinderOptions;
  readonly #ways: ReadonlyMap<EngineKind, EngineWay>;
  readonly #plan: WayPlan;
  #refusal: string | undefined;
  /** The better way is worth being tried again. */
  #mayReturn = false;
  #back: WayBack | undefined;
  #prepare: ReturnType<typeof setTimeout> | undefined;

  constructor(options: WayFinderOptions) {
    this.#options = options;
    const offer = chooseEngine(options.choice, options.video);
    const ways = 'ways' in offer ? offer.ways : [];
    this.#refusal = 'refusal' in offer ? offer.refusal : undefined;
    this.#ways = new Map(ways.map((way) => [way.kind, way]));
    this.#plan = new WayPlan([...this.#ways.keys()]);
  }

  /** Why there is no way, in words for the viewer. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  /** Begins with the best way that does not rest. False when there is no way. */
  begin(): boolean {
    const kind = this.#plan.first(performance.now());
    if (kind !== undefined) {
      this.#go(kind, undefined);
    }
    return kind !== undefined;
  }

  /**
   * The way in use has failed: goes the next one, and comes back when the better one works again. False when there is no next one.
   * `hadPlayed`: it had shown a picture before.
   */
  fallBack(failure: EngineFailure, hadPlayed: boolean): boolean {
    const { seat } = this.#options;
    const from = seat.engine?.kind;
    const to = from === undefined ? undefined : this.#plan.after(from);
    // What LL-HLS cannot reach, LL-DASH cannot either: both are one server's, by HTTP.
    if (from === undefined || to === undefined || (to === 'dash' && failure.kind === 'network')) {
      return false;
    }
    this.#plan.rest(from, performance.now() + restAfterFailure);
    this.#go(to, `${failure.kind}: ${failure.detail}`);
    // Codecs that do not fit will not fit later: the next broadcast is another matter.
    if (from === 'webrtc' && failure.kind !== 'unfit') {
      this.#mayReturn = true;
      this.#tryAgain(hadPlayed && failure.kind !== 'full' ? returnAfterLoss : undefined, failure.retryAfter);
    }
    return true;
  }

  /** Loads the code of every way but LL-DASH, the last resort: the server that it comes from may be gone when it is needed. */
  stockUp(): void {
    this.#ways.forEach((way) => way.kind !== 'dash' && way.preload?.());
  }

  /** Lets go of what is live, for the past: nothing is tried beside it. */
  leave(): void {
    this.rest();
  }

  /** Goes live again, the way that was left. */
  resume(kind: EngineKind | undefined, because: string): void {
    if (kind === undefined || !this.#ways.has(kind)) {
      this.begin();
      return;
    }
    this.#go(kind, because);
    if (this.#mayReturn && !this.#plan.isBest(kind)) {
      this.#tryAgain(returnAfterLoss);
    }
  }

  /** True when the failure is the end: the page asks for WebRTC and nothing else, and it does not work here. */
  gaveUp(failure: EngineFailure): boolean {
    if (this.#options.choice !== 'webrtc' || failure.kind === 'network') {
      return false;
    }
    const why = { unfit: 'This browser and this stream have no WebRTC codec in common', full: 'The server takes no more WebRTC viewers at the moment' };
    const reason = failure.kind === 'unfit' || failure.kind === 'full' ? why[failure.kind] : 'No WebRTC connection to the server came about: a firewall may stand in between';
    this.#refusal = `${reason}. Open the page without “?\u2060engine=webrtc” to watch over LL-HLS.`;
    return true;
  }

  /** Everything is worth another attempt: another network, another broadcast. */
  wake(): void {
    this.#plan.wake();
  }

  /** Lets go of what is prepared and tried beside the engine. Idempotent. */
  rest(): void {
    clearTimeout(this.#prepare);
    this.#back?.close();
    this.#back = undefined;
  }

  #tryAgain(first?: Millis, least?: Millis): void {
    const { whepUrl, playsWell } = this.#options;
    this.#back?.close();
    this.#back = new WayBack({
      url: whepUrl,
      mayTry: playsWell,
      ready: (connection) => this.#go('webrtc', 'it works again', connection),
      ...(first === undefined ? {} : { first }),
    });
    this.#back.start(least);
  }

  #go(kind: EngineKind, because: string | undefined, connection?: WhepConnection): void {
    clearTimeout(this.#prepare);
    const way = this.#ways.get(kind);
    if (way === undefined) {
      return;
    }
    if (this.#plan.isBest(kind)) {
      this.rest();
      this.#mayReturn = false;
      this.#prepare = setTimeout(() => this.#prepareNext(kind), prepareAfter);
    }
    this.#options.seat.give(way, because, connection);
    this.#options.begun();
  }

  /**
   * While nothing plays yet, code and playlist of the next way are asked for, as if it were certain. Not while something plays: some hundred
   * kilobytes at once fill the queue of a narrow line, and the picture pays for it.
   */
  #prepareNext(kind: EngineKind): void {
    if (!this.#options.starting()) {
      return;
    }
    const next = this.#plan.after(kind);
    (next === undefined ? undefined : this.#ways.get(next))?.preload?.();
    if (next === 'hls') {
      this.#options.seat.prepareHls();
    }
  }
}
