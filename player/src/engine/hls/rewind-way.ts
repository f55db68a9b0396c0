import type { WallTime } from '#core/media/time.ts';
import type { EngineOptions } from '../choose-engine.ts';
import type { EngineKind } from '../engine.ts';
import { LazyEngine } from '../lazy-engine.ts';
import { NativeEngine } from '../native/native-engine.ts';
import type { SeekableEngine, SeekTarget, SeekWindow } from '../seekable.ts';
import { NativeRewindEngine } from './rewind-native-engine.ts';
import { canPlayHls } from './support.ts';

/** What {@link openRewind} opens. */
export type RewindSource = {
  /** `rewind` behind a live edge, `hls` for a recording. */
  readonly kind: EngineKind;
  /** The multivariant playlist, whose media playlists reach back. */
  readonly url: string;
  readonly begin: SeekTarget;
};

const load = async () => (await import('./rewind-engine.ts')).RewindEngine;

/** Loads the code, so that going back begins sooner. */
export function preloadRewind(): void {
  if (canPlayHls()) {
    void load().catch(() => undefined);
  }
}

/** True where this browser can go back at all. */
export function canRewind(video: HTMLVideoElement): boolean {
  return canPlayHls() || NativeEngine.isSupported(video);
}

/** An engine for what is kept: hls.js, or the browser's own HLS where there are no Media Source Extensions. */
export function openRewind(options: EngineOptions, source: RewindSource): SeekableEngine {
  return canPlayHls() ? new LazyRewindEngine(options, source) : new NativeRewindEngine({ ...options, ...source });
}

/** Stands for hls.js until its code has come. */
class LazyRewindEngine extends LazyEngine implements SeekableEngine {
  readonly #seat: { engine: SeekableEngine | undefined; begin: SeekTarget };

  constructor(options: EngineOptions, source: RewindSource) {
    const seat: { engine: SeekableEngine | undefined; begin: SeekTarget } = { engine: undefined, begin: source.begin };
    super(source.kind, options.choice, options.listener, async () => {
      const engine = new (await load())({ ...options, ...source, content: options.stream, begin: seat.begin });
      seat.engine = engine;
      return engine;
    });
    this.#seat = seat;
  }

  window(): SeekWindow | undefined {
    return this.#seat.engine?.window();
  }

  seekTo(target: SeekTarget): void {
    this.#seat.begin = target;
    this.#seat.engine?.seekTo(target);
  }

  override shownAt(): WallTime | undefined {
    return this.#seat.engine?.shownAt();
  }
}
