import type { WallTime } from '#core/media/time.ts';
import type { Engine } from './engine.ts';

/** Where to be: an instant of the broadcast, or seconds from the beginning of a recording. */
export type SeekTarget = { readonly at: WallTime } | { readonly position: number };

/** From when to when there is something to see. */
export type SeekWindow = { readonly from: WallTime; readonly to: WallTime };

/** An engine that plays what is kept: what lies behind the live edge, or a recording. */
export interface SeekableEngine extends Engine {
  /** What there is, by PROGRAM-DATE-TIME; undefined before the first playlist, and where that tells no dates. */
  window(): SeekWindow | undefined;
  /** Goes there; where nothing was sent at that instant, to what came next. */
  seekTo(target: SeekTarget): void;
}
