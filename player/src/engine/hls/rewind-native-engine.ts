import { wallTime } from '#core/media/time.ts';
import type { WallTime } from '#core/media/time.ts';
import type { Edges } from '../../edges/edges.ts';
import type { Engine, EngineKind, EngineListener } from '../engine.ts';
import { startDateOf, tellFailure } from '../native/element.ts';
import { tellPlaylistMessages } from '../native/playlist-messages.ts';
import type { SeekableEngine, SeekTarget, SeekWindow } from '../seekable.ts';

/** What is kept lists hours of messages: it is asked for them this seldom, milliseconds. */
const seldom = 10_000;

/** Options of {@link NativeRewindEngine}. */
export type NativeRewindOptions = {
  readonly kind: EngineKind;
  readonly video: HTMLVideoElement;
  readonly url: string;
  readonly begin: SeekTarget;
  /** Who serves what is kept of a broadcast on air; a recording is where its URL says. */
  readonly edges?: Edges | undefined;
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
    const { video, url, edges, listener } = this.#options;
    const { signal } = this.#ends;
    video.addEventListener('loadedmetadata', () => this.#begin(), { signal });
    video.addEventListener('progress', () => listener.buffered(), { signal });
    video.addEventListener('playing', () => listener.recovered(), { signal });
    video.addEventListener('ended', () => listener.ended(), { signal });
    video.addEventListener('error', () => void tellFailure(this.#options, signal), { signal });
    video.src = edges?.url(url) ?? url;
    void tellPlaylistMessages({ url, edges, listener, signal, startDate: () => startDateOf(video), interval: seldom });
    // Where the viewer is, the session knows: it begins there anew.
    const unlisten = edges?.onMove(({ because }) => because === 'lost' && listener.failed({ kind: 'network', detail: 'the edge is gone' }));
    signal.addEventListener('abort', () => unlisten?.());
  }

  shownAt(): WallTime | undefined {
    const { video } = this.#options;
    const start = startDateOf(this.#options.video);
    return start === undefined || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA ? undefined : wallTime(start + video.currentTime * 1_000);
  }

  livePosition(): number | undefined {
    const { seekable } = this.#options.video;
    return seekable.length === 0 ? undefined : seekable.end(seekable.length - 1);
  }

  window(): SeekWindow | undefined {
    const { seekable } = this.#options.video;
    const start = startDateOf(this.#options.video);
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
    const start = startDateOf(this.#options.video);
    return start === undefined ? undefined : Math.max((target.at - start) / 1_000, 0);
  }
}
