import Hls, { AbrController, Events } from 'hls.js';
import type { ErrorData, FragLoadedData, MediaFragment, Part } from 'hls.js';
import { millis } from '#core/media/time.ts';
import type { AbrRule } from '../../abr/abr-rule.ts';
import { ThroughputProbe } from '../../abr/throughput-probe.ts';
import type { ThroughputEstimator } from '../../abr/throughput.ts';
import type { MediaTransfers } from './media-loader.ts';
import type { EntryPart } from './playlist-loader.ts';
import { probeLink } from './probe-link.ts';

/** What the controller shares with its engine. */
export type AbrSeat = {
  readonly estimator: ThroughputEstimator;
  readonly transfers: MediaTransfers;
  readonly rule: AbrRule;
  /** Bits per second believed in before anything was loaded. */
  readonly guess: number;
  /** The rendition asked for, or `auto`. */
  choice: number | 'auto';
  /** Reads a URL, from whichever edge serves. */
  fetch(url: string, init: RequestInit): Promise<Response>;
  /** Told where the next rendition is entered. */
  enter(entry: EntryPart): void;
};

/** How often a download in progress is looked at, milliseconds. */
const lookInterval = 50;

/**
 * hls.js's choice of the rendition, replaced: {@link AbrRule} decides, and switches happen where a segment begins. There every
 * rendition has a key frame, so nothing is loaded twice; hls.js alone would switch in the middle of a segment and load the
 * segment again from its start. Only when a part comes too late is the segment given up at once.
 */
export class PartAbrController extends AbrController {
  readonly #seat: AbrSeat;
  #level = -1;
  #wanted = -1;
  #loaded: { readonly frag: MediaFragment; readonly part: Part | null } | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #probe: AbortController | undefined;

  constructor(hls: Hls, seat: AbrSeat) {
    super(hls);
    this.#seat = seat;
    hls.on(Events.FRAG_LOADED, this.#onLoaded, this);
    hls.on(Events.ERROR, this.#onTrouble, this);
    hls.on(Events.MANIFEST_LOADING, this.#onManifest, this);
    this.#timer = setInterval(() => this.#look(), lookInterval);
  }

  override destroy(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#probe?.abort();
    const { hls } = this;
    hls.off(Events.FRAG_LOADED, this.#onLoaded, this);
    hls.off(Events.ERROR, this.#onTrouble, this);
    hls.off(Events.MANIFEST_LOADING, this.#onManifest, this);
    super.destroy();
  }

  // The base class would listen and measure in its own way.
  protected override registerListeners(): void {}

  protected override unregisterListeners(): void {}

  override get firstAutoLevel(): number {
    if (this.#level < 0) {
      const { choice, rule, guess } = this.#seat;
      this.#level = this.#clamp(choice === 'auto' ? rule.start(this.#bitrates(), guess) : choice);
      this.#wanted = this.#level;
    }
    return this.#level;
  }

  override get forcedAutoLevel(): number {
    return -1;
  }

  override get nextAutoLevel(): number {
    if (this.#level < 0) {
      return this.firstAutoLevel;
    }
    const to = this.#clamp(this.#wanted);
    const ended = to === this.#level ? undefined : this.#endedSegment();
    if (ended !== undefined) {
      this.#switch(to);
      this.#seat.enter({ level: to, mediaSequence: ended + 1 });
    }
    return this.#level;
  }

  /** Set by hls.js: to what it was just told, or to another level when one fails. */
  override set nextAutoLevel(level: number) {
    if (level >= 0 && level !== this.#level) {
      this.#level = this.#wanted = this.#clamp(level);
    }
  }

  #onManifest(): void {
    this.#level = this.#wanted = -1;
    this.#loaded = undefined;
  }

  #onLoaded(_event: Events.FRAG_LOADED, { frag, part }: FragLoadedData): void {
    if (frag.type === 'main' && frag.sn !== 'initSegment') {
      this.#loaded = { frag: frag as MediaFragment, part };
      this.#look();
    }
  }

  #onTrouble(_event: Events.ERROR, data: ErrorData): void {
    if (data.details === Hls.ErrorDetails.BUFFER_STALLED_ERROR) {
      this.#seat.rule.stalled(millis(performance.now()));
    }
  }

  /** Looks at the downloads and settles what to load next. */
  #look(): void {
    const { hls } = this;
    const { choice, rule, estimator, transfers } = this.#seat;
    const details = hls.latestLevelDetails;
    const buffer = hls.mainForwardBufferInfo;
    if (this.#level < 0 || details === null || buffer === null || this.#loaded === undefined) {
      return;
    }
    if (choice !== 'auto') {
      this.#wanted = choice;
      return;
    }
    const now = millis(performance.now());
    const bitrates = this.#bitrates();
    const decision = rule.decide({
      now,
      buffer: millis(buffer.len * 1_000),
      part: millis((details.partTarget > 0 ? details.partTarget : details.targetduration) * 1_000),
      rungs: bitrates,
      current: this.#level,
      estimate: estimator.estimate,
      inFlight: hls.media?.paused === false ? transfers.progress(now, bitrates) : undefined,
    });
    this.#wanted = decision.rung;
    if (decision.urgent) {
      this.#giveUp(decision.rung);
    } else if (decision.probe) {
      this.#askLink();
    }
  }

  /** Leaves the segment being loaded for a lower rendition's. */
  #giveUp(to: number): void {
    const { hls } = this;
    const { picture } = this.#seat.transfers;
    if (picture === undefined) {
      return;
    }
    const { frag, part } = picture;
    const stats = (part ?? frag).stats;
    this.#switch(to);
    hls.nextLoadLevel = to;
    frag.abortRequests();
    hls.trigger(Events.FRAG_LOAD_EMERGENCY_ABORTED, { frag, part, stats });
  }

  #switch(to: number): void {
    this.#seat.rule.switched(millis(performance.now()), this.#level, to);
    this.#level = this.#wanted = to;
    this.#probe?.abort();
  }

  #askLink(): void {
    if (this.#probe !== undefined) {
      return;
    }
    const urls = (this.hls.latestLevelDetails?.fragments ?? []).map((frag) => frag.url).filter((url) => url.length > 0);
    const abort = new AbortController();
    this.#probe = abort;
    const probe = new ThroughputProbe();
    const { transfers } = this.#seat;
    transfers.listener = (transfer) => probe.alongside(transfer);
    void probeLink(probe, urls.reverse(), abort.signal, this.#seat.fetch).then(() => {
      transfers.listener = undefined;
      this.#probe = undefined;
      this.#seat.rule.probed(millis(performance.now()), probe.throughput);
      if (probe.tail !== undefined) {
        this.#seat.estimator.add(probe.tail);
      }
    });
  }

  /**
   * The media sequence number of the segment that was loaded last, if it is loaded to its end and the next has not been begun:
   * only then does another rendition follow without a seam.
   */
  #endedSegment(): number | undefined {
    const details = this.hls.latestLevelDetails;
    if (details === null || this.#loaded === undefined || !this.#seat.transfers.idle) {
      return undefined;
    }
    const { frag, part } = this.#loaded;
    if (frag.sn > details.endSN) {
      return undefined;
    }
    const last = details.partList?.findLast((each) => each.fragment.sn === frag.sn);
    return part === null || last === undefined || last.index <= part.index ? frag.sn : undefined;
  }

  #bitrates(): number[] {
    return this.hls.levels.map((level) => level.averageBitrate);
  }

  #clamp(level: number): number {
    return Math.min(Math.max(level, 0), Math.max(this.hls.levels.length - 1, 0));
  }
}
