import { millis, wallTime } from '#core/media/time.ts';
import type { Engine, EngineListener, EngineRung } from '../engine/engine.ts';

/** Two renditions. */
export const twoRungs: readonly EngineRung[] = [
  { label: '240p', width: 426, height: 240, bitrate: 478_000 },
  { label: '720p', width: 1280, height: 720, bitrate: 2_628_000 },
];

/** As many renditions as a ladder has at most. */
export const sixRungs: readonly EngineRung[] = [240, 360, 480, 720, 1080, 1440].map((height) => ({
  label: `${height}p`,
  width: Math.round((height * 16) / 9),
  height,
  bitrate: height * 4_000,
}));

/** An engine that plays nothing and does what the test says. */
export class FakeEngine implements Engine {
  readonly kind = 'hls';
  readonly listener: EngineListener;
  loading = 0;
  choice: number | 'auto' = 'auto';
  throughput: number | undefined = 4_000_000;
  partTarget = millis(200);
  started = false;
  destroyed = false;

  constructor(listener: EngineListener) {
    this.listener = listener;
  }

  start(): void {
    this.started = true;
  }

  shownAt() {
    return wallTime(Date.now() - 700);
  }

  livePosition(): number | undefined {
    return undefined;
  }

  destroy(): void {
    this.destroyed = true;
  }
}
