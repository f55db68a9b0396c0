import { wallTime } from '#core/media/time.ts';
import type { WallTime } from '#core/media/time.ts';
import type { Engine, EngineKind, EngineListener } from '../engine.ts';
import { failureFromAnswer } from '../failure.ts';
import type { SeekableEngine, SeekTarget, SeekWindow } from '../seekable.ts';

/** A media element that knows the date of its timeline's start: Safari's, by EXT-X-PROGRAM-DATE-TIME. */
type DatedVideo = HTMLVideoElement & { getStartDate?: () => Date };

/** Options of {@link NativeRewindEngine}. */
export type NativeRewindOptions = {
  readonly kind: EngineKind;
  readonly video: HTMLVideoElement;
  readonly url: string;
  readonly begin: SeekTarget;
  readonly listener: EngineListener;
};

/**
 * What is kept, by the browser's own HLS (iPhones before iOS 17.1). It knows one date, that of its timeline's start: after a gap in the
 * broadcast, dates are off by the gap.
 */
export class NativeRewindEngine implements Engine, SeekableEngine {
  readonly kind: EngineKind;
  readonly loading = -1;
  readonly throughput = undefined;
  readonly partTarget = undefined;
  choice: number | 'auto' = 'auto';
  readonly #options: NativeRewindOptions;
  readonly #ends = new AbortController();
  #target: SeekTarget | undefined;

  constructor(options: NativeRewindOptions) {
    this.kind = options.kind;
    this.#options = options;
    this.#target = options.begin;
  }

  start(): void {
    const { video, url, listener } = this.#options;
    const { signal } = this.#ends;
    video.addEventListener('loadedmetadata', () => this.#begin(), { signal });
    video.addEventListener('progress', () => listener.buffered(), { signal });
    video.addEventListener('playing', () => listener.recovered(), { signal });
    video.addEventListener('ended', () => listener.ended(), { signal });
    video.addEventListener('error', () => void this.#explain(), { signal });
    video.src = url;
  }

  shownAt(): WallTime | undefined {
    const { video } = this.#options;
    const start = this.#startDate;
    return start === undefined || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA ? undefined : wallTime(start + video.currentTime * 1_000);
  }

  livePosition(): number | undefined {
    const { seekable } = this.#options.video;
    return seekable.length === 0 ? undefined : seekable.end(seekable.length - 1);
  }

  window(): SeekWindow | undefined {
    const { seekable } = this.#options.video;
    const start = this.#startDate;
    return start === undefined || seekable.length === 0
      ? undefined
      : { from: wallTime(start + seekable.start(0) * 1_000), to: wallTime(start + seekable.end(seekable.length - 1) * 1_000) };
  }

  seekTo(target: SeekTarget): void {
    const { video } = this.#options;
    const position = this.#locate(target);
    if (position === undefined || video.readyState < HTMLMediaElement.HAVE_METADATA) {
      this.#target = target;
    } else {
      video.currentTime = position;
    }
  }

  destroy(): void {
    if (!this.#ends.signal.aborted) {
      this.#ends.abort();
      this.#options.video.removeAttribute('src');
      this.#options.video.load();
    }
  }

  get #startDate(): number | undefined {
    const start = (this.#options.video as DatedVideo).getStartDate?.().getTime();
    return start === undefined || Number.isNaN(start) ? undefined : start;
  }

  #begin(): void {
    const target = this.#target;
    this.#target = undefined;
    if (target !== undefined) {
      this.seekTo(target);
    }
  }

  #locate(target: SeekTarget): number | undefined {
    if ('position' in target) {
      return target.position;
    }
    const start = this.#startDate;
    return start === undefined ? undefined : Math.max((target.at - start) / 1_000, 0);
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
