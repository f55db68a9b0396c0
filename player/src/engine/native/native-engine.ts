import { millis, wallTime } from '#core/media/time.ts';
import type { Millis, WallTime } from '#core/media/time.ts';
import type { Edges } from '../../edges/edges.ts';
import type { Engine, EngineListener } from '../engine.ts';
import { holdStill } from '../still.ts';
import { startDateOf, tellFailure } from './element.ts';
import { tellPlaylistMessages } from './playlist-messages.ts';

/** Options of {@link NativeEngine}. */
export type NativeEngineOptions = {
  readonly video: HTMLVideoElement;
  /** The multivariant playlist. */
  readonly url: string;
  /** Who serves; without it, whoever the URL names. */
  readonly edges?: Edges | undefined;
  readonly listener: EngineListener;
};

/** Behind the end of what can be sought, where Safari joins live, seconds. */
const behindEnd = 1.5;

/**
 * HLS by the browser itself, for Safari without Media Source Extensions (iPhones before iOS 17.1). It chooses the rendition on
 * its own and tells little: no throughput, no choice of rendition.
 */
export class NativeEngine implements Engine {
  readonly kind = 'native';
  readonly loading = -1;
  readonly throughput = undefined;
  readonly partTarget: Millis | undefined = millis(1_000);
  choice: number | 'auto' = 'auto';
  readonly #options: NativeEngineOptions;
  readonly #ends = new AbortController();
  #started = false;

  /** True where this browser plays HLS by itself. */
  static isSupported(video: HTMLVideoElement): boolean {
    return video.canPlayType('application/vnd.apple.mpegurl') !== '';
  }

  constructor(options: NativeEngineOptions) {
    this.#options = options;
  }

  start(): void {
    const { video, url, edges, listener } = this.#options;
    const { signal } = this.#ends;
    video.addEventListener('progress', () => listener.buffered(), { signal });
    video.addEventListener('ended', () => listener.ended(), { signal });
    video.addEventListener('error', () => void tellFailure(this.#options, signal), { signal });
    video.addEventListener('playing', () => listener.recovered(), { signal });
    video.src = edges?.url(url) ?? url;
    this.#started = true;
    void tellPlaylistMessages({ url, listener, signal, startDate: () => startDateOf(this.#options.video), edges });
    // The browser cannot exchange the server below what it plays: it begins anew at the live edge, under a still.
    const unlisten = edges?.onMove(() => {
      holdStill(video);
      video.src = edges.url(url);
      void video.play().catch(() => undefined);
    });
    signal.addEventListener('abort', () => unlisten?.());
  }

  shownAt(): WallTime | undefined {
    const start = startDateOf(this.#options.video);
    return start === undefined ? undefined : wallTime(start + this.#options.video.currentTime * 1_000);
  }

  livePosition(): number | undefined {
    const { seekable } = this.#options.video;
    return seekable.length === 0 ? undefined : Math.max(seekable.end(seekable.length - 1) - behindEnd, 0);
  }

  destroy(): void {
    if (this.#started && !this.#ends.signal.aborted) {
      this.#options.video.removeAttribute('src');
      this.#options.video.load();
    }
    this.#ends.abort();
  }
}
