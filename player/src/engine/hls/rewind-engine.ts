import Hls, { ErrorTypes, Events } from 'hls.js';
import type { ErrorData, LevelDetails } from 'hls.js';
import type { Millis, WallTime } from '#core/media/time.ts';
import type { Edges } from '../../edges/edges.ts';
import type { Engine, EngineFailure, EngineKind, EngineListener } from '../engine.ts';
import { failureFromAnswer } from '../failure.ts';
import { rungLabel } from '../rung-label.ts';
import type { SeekableEngine, SeekTarget, SeekWindow } from '../seekable.ts';
import { tellDateRanges } from './date-ranges.ts';
import { rewindConfig } from './rewind-config.ts';
import { dateOf, positionOf, windowOf } from './rewind-timeline.ts';

/** Options of {@link RewindEngine}. */
export type RewindEngineOptions = {
  /** `rewind` behind a live edge, `hls` for a recording. */
  readonly kind: EngineKind;
  readonly video: HTMLVideoElement;
  /** The multivariant playlist, whose media playlists reach back. */
  readonly url: string;
  /** Stream or recording. */
  readonly content: string;
  readonly sessionId: string;
  /** Bits per second believed in before anything was loaded. */
  readonly guess: number;
  readonly choice: number | 'auto';
  /** Where to begin. */
  readonly begin: SeekTarget;
  /** Who serves what is kept of a broadcast on air; a recording is where its URL says. */
  readonly edges?: Edges | undefined;
  readonly listener: EngineListener;
};

/** So near to the end of what was sent, what is left is too short to be shown, seconds. */
const nothingLeft = 0.15;

/** Away from the very ends of what there is, where it may be gone or not there yet, seconds. */
const endMargin = 0.5;

/** Plain HLS by hls.js over a playlist that reaches back: whole segments, no low latency, every position at hand. */
export class RewindEngine implements Engine, SeekableEngine {
  readonly kind: EngineKind;
  /** There is no latency to be held. */
  readonly partTarget: Millis | undefined = undefined;
  readonly #options: RewindEngineOptions;
  readonly #hls: Hls;
  readonly #ends = new AbortController();
  #target: SeekTarget | undefined;
  #choice: number | 'auto';
  #recovered = false;
  #troubled = false;

  constructor(options: RewindEngineOptions) {
    const { sessionId, content, guess, edges } = options;
    this.#options = options;
    this.kind = options.kind;
    this.#choice = options.choice;
    this.#target = options.begin;
    this.#hls = new Hls(rewindConfig({ sessionId, contentId: content, guess, edges, begin: (details) => this.#begin(details) }));
    this.#listen();
  }

  start(): void {
    this.#hls.loadSource(this.#options.url);
    this.#hls.attachMedia(this.#options.video);
  }

  get loading(): number {
    return this.#hls.loadLevel;
  }

  get choice(): number | 'auto' {
    return this.#choice;
  }

  set choice(choice: number | 'auto') {
    if (choice !== this.#choice) {
      this.#choice = choice;
      this.#hls.nextLevel = choice === 'auto' ? -1 : choice;
    }
  }

  get throughput(): number | undefined {
    return this.#hls.bandwidthEstimate;
  }

  shownAt(): WallTime | undefined {
    const { video } = this.#options;
    return this.#details === undefined || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA ? undefined : dateOf(this.#details.fragments, video.currentTime);
  }

  livePosition(): number | undefined {
    return this.#hls.liveSyncPosition ?? undefined;
  }

  window(): SeekWindow | undefined {
    return this.#details === undefined ? undefined : windowOf(this.#details.fragments);
  }

  seekTo(target: SeekTarget): void {
    const position = this.#details === undefined ? undefined : locate(this.#details, target);
    if (position === undefined) {
      this.#target = target;
    } else {
      this.#options.video.currentTime = position;
    }
  }

  destroy(): void {
    if (!this.#ends.signal.aborted) {
      this.#ends.abort();
      this.#hls.destroy();
    }
  }

  get #details(): LevelDetails | undefined {
    return this.#hls.latestLevelDetails ?? undefined;
  }

  #begin(details: LevelDetails): number | undefined {
    const target = this.#target;
    this.#target = undefined;
    return target === undefined ? undefined : locate(details, target);
  }

  #listen(): void {
    const { listener, video } = this.#options;
    const { signal } = this.#ends;
    const hls = this.#hls;
    const tell = (): void => {
      listener.rungs(hls.levels.map(({ width, height, bitrate, frameRate }) => ({ label: rungLabel(width, height, frameRate), width, height, bitrate })));
    };
    hls.on(Events.MANIFEST_PARSED, () => {
      if (this.#choice !== 'auto') {
        hls.loadLevel = this.#choice;
      }
      tell();
    });
    hls.on(Events.LEVELS_UPDATED, tell);
    hls.on(Events.LEVEL_SWITCHED, (_event, { level }) => listener.shown(level));
    hls.on(Events.BUFFER_APPENDED, () => {
      this.#recovered = false;
      if (this.#troubled) {
        this.#troubled = false;
        listener.recovered();
      }
      listener.buffered();
    });
    hls.on(Events.ERROR, (_event, data) => this.#onError(data));
    tellDateRanges(hls, listener);
    const look = (): void => {
      const details = this.#details;
      if (video.ended || (details !== undefined && !details.live && video.currentTime >= details.edge - nothingLeft && !video.seeking)) {
        listener.ended();
      }
    };
    video.addEventListener('timeupdate', look, { signal });
    video.addEventListener('ended', look, { signal });
  }

  #onError(data: ErrorData): void {
    const { listener } = this.#options;
    if (!data.fatal) {
      if (data.type === ErrorTypes.NETWORK_ERROR) {
        this.#troubled = true;
        listener.troubled(data.details);
      }
      return;
    }
    if (data.type === ErrorTypes.MEDIA_ERROR && !this.#recovered) {
      this.#recovered = true;
      this.#hls.recoverMediaError();
      return;
    }
    listener.failed(failure(data));
  }
}

/** A position that can be played: away from the end that moves, and from what is about to leave. */
function locate({ fragments, live, edge }: LevelDetails, target: SeekTarget): number | undefined {
  const position = 'at' in target ? positionOf(fragments, target.at) : target.position;
  const first = fragments[0];
  if (position === undefined || first === undefined) {
    return undefined;
  }
  const least = live ? first.start + endMargin : first.start;
  return Math.max(Math.min(position, edge - endMargin), least);
}

function failure(data: ErrorData): EngineFailure {
  if (data.type !== ErrorTypes.NETWORK_ERROR) {
    return { kind: 'media', detail: data.details };
  }
  const request = data.networkDetails instanceof XMLHttpRequest ? data.networkDetails : undefined;
  return request !== undefined && request.status > 0
    ? failureFromAnswer(request.status, request.responseText, request.getResponseHeader('Retry-After'))
    : { kind: 'network', detail: data.details };
}
