import type { FragmentLoaderConstructor, FragmentLoaderContext, HlsConfig, LoaderCallbacks, LoaderConfiguration, LoaderContext, LoaderStats } from 'hls.js';
import { millis } from '#core/media/time.ts';
import type { InFlight } from '../../abr/abr-rule.ts';
import type { ThroughputEstimator, Transfer } from '../../abr/throughput.ts';

/** The download of the picture in progress. */
type Download = { readonly context: FragmentLoaderContext; readonly stats: LoaderStats };

/** What is being loaded, of which rendition, and how fast. Every download of media, sound and init segments included, is measured. */
export class MediaTransfers {
  readonly #estimator: ThroughputEstimator;
  /** Told of every download; a probe on its way shares the link with them. */
  listener: ((transfer: Transfer) => void) | undefined;
  #picture: Download | undefined;

  constructor(estimator: ThroughputEstimator) {
    this.#estimator = estimator;
  }

  /** A download begins. */
  begun(context: FragmentLoaderContext, stats: LoaderStats): void {
    if (context.frag.type === 'main' && context.frag.sn !== 'initSegment') {
      this.#picture = { context, stats };
    }
  }

  /** A download has ended, whole or not. */
  ended(stats: LoaderStats): void {
    if (this.#picture?.stats === stats) {
      this.#picture = undefined;
    }
    const { start, first, end } = stats.loading;
    const until = end > 0 ? end : performance.now();
    const transfer = { start: millis(start), firstByte: millis(first), end: millis(until), bytes: stats.loaded };
    this.#estimator.add(transfer);
    this.listener?.(transfer);
  }

  /** No part of a picture is being loaded. */
  get idle(): boolean {
    return this.#picture === undefined;
  }

  /** The fragment being loaded. */
  get picture(): FragmentLoaderContext | undefined {
    return this.#picture?.context;
  }

  /** How far it has come. */
  progress(now: number, bitrates: readonly number[]): InFlight | undefined {
    if (this.#picture === undefined) {
      return undefined;
    }
    const { context, stats } = this.#picture;
    const { frag, part } = context;
    const duration = part?.duration ?? frag.duration;
    const expected = stats.total > 0 ? stats.total : (duration * (bitrates[frag.level] ?? 0)) / 8;
    return { elapsed: millis(now - stats.loading.start), loadedBytes: stats.loaded, expectedBytes: Math.max(expected, stats.loaded) };
  }
}

/** hls.js's loader for media, which tells of its downloads. hls.js's own events name only the first of several parts. */
export function mediaLoader(transfers: MediaTransfers, Base: HlsConfig['loader']): FragmentLoaderConstructor {
  class MediaLoader extends Base {
    #open = false;

    override load(context: LoaderContext, config: LoaderConfiguration, callbacks: LoaderCallbacks<LoaderContext>): void {
      this.#open = true;
      super.load(context, config, {
        ...callbacks,
        onSuccess: (response, stats, about, details) => {
          this.#end();
          callbacks.onSuccess(response, stats, about, details);
        },
        onError: (error, about, details, stats) => {
          this.#end();
          callbacks.onError(error, about, details, stats);
        },
        onTimeout: (stats, about, details) => {
          this.#end();
          callbacks.onTimeout(stats, about, details);
        },
      });
      transfers.begun(context as FragmentLoaderContext, this.stats);
    }

    override abort(): void {
      this.#end();
      super.abort();
    }

    override destroy(): void {
      this.#end();
      super.destroy();
    }

    #end(): void {
      if (this.#open) {
        this.#open = false;
        transfers.ended(this.stats);
      }
    }
  }
  return MediaLoader as unknown as FragmentLoaderConstructor;
}
