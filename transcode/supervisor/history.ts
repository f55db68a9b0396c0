import type { Frame } from '#core/media/frame.ts';
import type { Ticks } from '#core/media/time.ts';

/** Bounds of a {@link History}. */
export type HistoryBounds = { readonly maxFrames: number; readonly maxBytes: number };

/** About 30 s at 60 fps: a few seconds of replay and the longest way back to a key frame that is worth decoding. */
const DEFAULT_BOUNDS: HistoryBounds = { maxFrames: 1800, maxBytes: 48 * 1024 * 1024 };

/**
 * The source's recent frames in decoding order, for a new ffmpeg to begin with. Always begins with a key frame: what
 * comes before the first could not be decoded.
 */
export class History {
  readonly #bounds: HistoryBounds;
  #frames: Frame[] = [];
  #bytes = 0;

  constructor(bounds: HistoryBounds = DEFAULT_BOUNDS) {
    this.#bounds = bounds;
  }

  get frames(): readonly Frame[] {
    return this.#frames;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Takes a frame; one that needs a key frame before it and has none is left out. */
  add(frame: Frame): boolean {
    if (this.#frames.length === 0 && !frame.key) {
      return false;
    }
    this.#frames.push(frame);
    this.#bytes += frame.data.byteLength;
    while (this.#frames.length > this.#bounds.maxFrames || this.#bytes > this.#bounds.maxBytes) {
      this.#dropTo(this.#frames.findIndex((kept, at) => at > 0 && kept.key));
    }
    return true;
  }

  /** Forgets everything: what follows does not continue what came before. */
  clear(): void {
    this.#dropTo(-1);
  }

  /** Forgets what no replay from `pts` needs: everything before the last key frame at or before it. */
  forgetBefore(pts: Ticks): void {
    const key = this.#frames.findLastIndex((frame) => frame.key && frame.pts <= pts);
    if (key > 0) {
      this.#dropTo(key);
    }
  }

  #dropTo(at: number): void {
    const dropped = at < 0 ? this.#frames : this.#frames.slice(0, at);
    this.#frames = at < 0 ? [] : this.#frames.slice(at);
    this.#bytes -= dropped.reduce((sum, frame) => sum + frame.data.byteLength, 0);
  }
}
