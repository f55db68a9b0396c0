import { wallTime } from '#core/media/time.ts';
import type { WallTime } from '#core/media/time.ts';
import type { EngineListener } from '../engine/engine.ts';
import type { RewindSource } from '../engine/hls/rewind-way.ts';
import type { SeekableEngine, SeekTarget, SeekWindow } from '../engine/seekable.ts';

/** An engine for what is kept that shows nothing and is where it was sent. */
export class FakeRewindEngine implements SeekableEngine {
  readonly kind;
  readonly listener: EngineListener;
  readonly source: RewindSource;
  readonly loading = 0;
  readonly throughput = 4_000_000;
  readonly partTarget = undefined;
  choice: number | 'auto' = 'auto';
  /** Where it was sent, the first by its source. */
  sought: SeekTarget[];
  /** What is kept. */
  from = Date.now() - 100_000;
  end = Date.now();
  destroyed = false;

  constructor(listener: EngineListener, source: RewindSource) {
    this.kind = source.kind;
    this.listener = listener;
    this.source = source;
    this.sought = [source.begin];
  }

  start(): void {}

  /** Where it is. */
  get at(): number {
    const last = this.sought.at(-1);
    return last !== undefined && 'at' in last ? last.at : 0;
  }

  shownAt(): WallTime | undefined {
    return wallTime(this.at);
  }

  livePosition(): number | undefined {
    return undefined;
  }

  window(): SeekWindow | undefined {
    return { from: wallTime(this.from), to: wallTime(this.end) };
  }

  seekTo(target: SeekTarget): void {
    this.sought = [...this.sought, target];
  }

  destroy(): void {
    this.destroyed = true;
  }
}
