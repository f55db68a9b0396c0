import Hls, { ErrorDetails, ErrorTypes, Events } from 'hls.js';
import type { ErrorData, Level, LevelDetails } from 'hls.js';
import { millis, wallTime } from '#core/media/time.ts';
import type { Millis, WallTime } from '#core/media/time.ts';
import { AbrRule } from '../../abr/abr-rule.ts';
import { ThroughputEstimator } from '../../abr/throughput.ts';
import type { Edges } from '../../edges/edges.ts';
import type { Engine, EngineFailure, EngineListener, EngineRung } from '../engine.ts';
import { failureFromAnswer } from '../failure.ts';
import { rungLabel } from '../rung-label.ts';
import { hlsConfig } from './config.ts';
import { tellDateRanges } from './date-ranges.ts';
import type { EarlyPlaylist } from './early-playlist.ts';
import { MediaTransfers } from './media-loader.ts';
import type { AbrSeat } from './part-abr-controller.ts';
import type { PlaylistLoaderSeat } from './playlist-loader.ts';

/** Options of {@link HlsEngine}. */
export type HlsEngineOptions = {
  readonly video: HTMLVideoElement;
  /** The multivariant playlist. */
  readonly url: string;
  readonly stream: string;
  /** CMCD session id: one per visit, so that a viewer who reconnects is counted once. */
  readonly sessionId: string;
  /** Bits per second believed in before anything was loaded. */
  readonly guess: number;
  readonly choice: number | 'auto';
  readonly early?: EarlyPlaylist | undefined;
  /** Who serves; without it, whoever the URL names. */
  readonly edges?: Edges | undefined;
  readonly listener: EngineListener;
};

/** Media errors in a row, without playing in between, after which the engine gives up. */
const mostMediaErrors = 2;

/** LL-HLS by hls.js, on Media Source Extensions or ManagedMediaSource. */
export class HlsEngine implements Engine {
  readonly kind = 'hls';
  readonly #hls: Hls;
  readonly #options: HlsEngineOptions;
  readonly #abr: AbrSeat;
  #mediaErrors = 0;
  #troubled = false;
  #destroyed = false;

  /** True where this browser can run it. */
  static isSupported(): boolean {
    return Hls.isSupported();
  }

  constructor(options: HlsEngineOptions) {
    this.#options = options;
    const estimator = new ThroughputEstimator();
    const playlists: PlaylistLoaderSeat = { early: options.early, entry: undefined };
    this.#abr = {
      estimator,
      transfers: new MediaTransfers(estimator),
      rule: new AbrRule(),
      guess: options.guess,
      choice: options.choice,
      fetch: (url, init) => options.edges?.fetch(url, init) ?? fetch(url, init),
      enter: (entry) => {
        playlists.entry = entry;
      },
    };
    this.#hls = new Hls(hlsConfig(this.#abr, playlists, options.sessionId, options.stream, options.edges));
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
    return this.#abr.choice;
  }

  set choice(choice: number | 'auto') {
    this.#abr.choice = choice;
  }

  get throughput(): number | undefined {
    return this.#abr.estimator.estimate;
  }

  get partTarget(): Millis | undefined {
    const details = this.#hls.latestLevelDetails;
    return details === null ? undefined : millis((details.partTarget > 0 ? details.partTarget : details.targetduration) * 1_000);
  }

  shownAt(): WallTime | undefined {
    const details = this.#hls.latestLevelDetails;
    return details === null ? undefined : drawnAt(details, this.#options.video.currentTime);
  }

  livePosition(): number | undefined {
    return this.#hls.liveSyncPosition ?? undefined;
  }

  destroy(): void {
    if (!this.#destroyed) {
      this.#destroyed = true;
      this.#hls.destroy();
    }
  }

  #listen(): void {
    const { listener } = this.#options;
    const hls = this.#hls;
    hls.on(Events.MANIFEST_PARSED, () => listener.rungs(hls.levels.map(describe)));
    hls.on(Events.LEVELS_UPDATED, () => listener.rungs(hls.levels.map(describe)));
    hls.on(Events.LEVEL_SWITCHED, (_event, { level }) => listener.shown(level));
    hls.on(Events.BUFFER_APPENDED, () => {
      this.#flows();
      listener.buffered();
    });
    hls.on(Events.LEVEL_LOADED, (_event, { details }) => {
      if (!details.live) {
        this.#awaitEnd(details);
      }
    });
    hls.on(Events.ERROR, (_event, data) => this.#onError(data));
    tellDateRanges(hls, listener);
  }

  #flows(): void {
    this.#mediaErrors = 0;
    if (this.#troubled) {
      this.#troubled = false;
      this.#options.listener.recovered();
    }
  }

  /** ENDLIST: the broadcast is over when the last frame has been shown. */
  #awaitEnd(details: LevelDetails): void {
    const { video, listener } = this.#options;
    const look = (): void => {
      if (this.#destroyed) {
        video.removeEventListener('timeupdate', look);
      } else if (video.ended || video.currentTime >= details.edge - 0.15 || video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA) {
        video.removeEventListener('timeupdate', look);
        listener.ended();
      }
    };
    video.addEventListener('timeupdate', look);
    video.addEventListener('ended', look, { once: true });
    look();
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
    if (data.type === ErrorTypes.MEDIA_ERROR && data.details !== ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR) {
      this.#mediaErrors += 1;
      if (this.#mediaErrors <= mostMediaErrors) {
        this.#hls.recoverMediaError();
        return;
      }
    }
    listener.failed(failure(data));
  }
}

function failure(data: ErrorData): EngineFailure {
  if (data.type !== ErrorTypes.NETWORK_ERROR) {
    return { kind: 'media', detail: data.details };
  }
  const request = data.networkDetails instanceof XMLHttpRequest ? data.networkDetails : undefined;
  const isManifest = data.details === ErrorDetails.MANIFEST_LOAD_ERROR;
  // What the multivariant playlist answers is about the stream; a media playlist that is gone only says to begin anew.
  return isManifest && request !== undefined && request.status > 0
    ? failureFromAnswer(request.status, request.responseText, request.getResponseHeader('Retry-After'))
    : { kind: 'network', detail: data.details };
}

function describe(level: Level): EngineRung {
  const { width, height, bitrate, frameRate } = level;
  return { label: rungLabel(width, height, frameRate), width, height, bitrate };
}

/** The wall time of a position, from the segment that holds it. */
function drawnAt(details: LevelDetails, position: number): WallTime | undefined {
  const candidates = details.fragmentHint === undefined ? details.fragments : [...details.fragments, details.fragmentHint];
  const holder = candidates.findLast((frag) => frag.start <= position && frag.programDateTime !== null) ?? candidates.find((frag) => frag.programDateTime !== null);
  return holder === undefined || holder.programDateTime === null ? undefined : wallTime(holder.programDateTime + (position - holder.start) * 1_000);
}
