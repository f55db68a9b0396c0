import { millis, wallTime } from '#core/media/time.ts';
import type { Millis, WallTime } from '#core/media/time.ts';
import type { Engine, EngineListener } from '../engine.ts';
import { failureFromAnswer } from '../failure.ts';
import { tellPlaylistMessages } from './playlist-messages.ts';

/** A media element that knows the date of its timeline's start: Safari's, by EXT-X-PROGRAM-DATE-TIME. */
type DatedVideo = HTMLVideoElement & { getStartDate?: () => Date };

/** Options of {@link NativeEngine}. */
export type NativeEngineOptions = {
  readonly video: HTMLVideoElement;
  /** The multivariant playlist. */
  readonly url: string;
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
    const { video, url, listener } = this.#options;
    const { signal } = this.#ends;
    video.addEventListener('progress', () => listener.buffered(), { signal });
    video.addEventListener('ended', () => listener.ended(), { signal });
    video.addEventListener('error', () => void this.#explain(), { signal });
    video.addEventListener('playing', () => listener.recovered(), { signal });
    video.src = url;
    this.#started = true;
    void tellPlaylistMessages({ url, listener, signal, startDate: () => this.#startDate });
  }

  shownAt(): WallTime | undefined {
    const start = this.#startDate;
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

  /** The date of the element's timeline at zero, milliseconds since 1970. */
  get #startDate(): number | undefined {
    const start = (this.#options.video as DatedVideo).getStartDate?.().getTime();
    return start === undefined || Number.isNaN(start) ? undefined : start;
  }

  /** The element does not say why it failed; the playlist's answer does. */
  async #explain(): Promise<void> {
    const { url, listener, video } = this.#options;
    const code = video.error?.code;
    try {
      const response = await fetch(url, { signal: AbortSignal.any([this.#ends.signal, AbortSignal.timeout(5_000)]) });
      listener.failed(
        response.ok
          ? { kind: code === MediaError.MEDIA_ERR_DECODE ? 'media' : 'network', detail: `media error ${code ?? 0}` }
          : failureFromAnswer(response.status, await response.text(), response.headers.get('Retry-After')),
      );
    } catch {
      if (!this.#ends.signal.aborted) {
        listener.failed({ kind: 'network', detail: 'no answer' });
      }
    }
  }
}
