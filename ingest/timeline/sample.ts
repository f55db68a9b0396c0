import type { Millis, WallTime } from '#core/media/time.ts';

import type { Kind } from './source-clock.ts';

/** A source's sample with its place on the source's continuous clock. */
export type TimedSample = {
  readonly kind: Kind;
  /** Simulcast layer; 0 for the track `video`, and for sound. */
  readonly layer: number;
  /** Decoding time, milliseconds since the source's first sample. */
  readonly media: Millis;
  /** Presentation minus decoding time; never negative. */
  readonly offset: Millis;
  readonly key: boolean;
  readonly data: Uint8Array;
  readonly arrival: WallTime;
};

/** Presentation times further behind their decoding times than this are damaged. */
const MAX_OFFSET = 5000;

/** A composition offset in milliseconds as far as it can be true: RTMP senders write -1 as 16777215, and worse. */
export function saneOffset(offset: number): { readonly offset: Millis; readonly damaged: boolean } {
  const damaged = !(offset >= 0 && offset <= MAX_OFFSET);
  return { offset: (damaged ? 0 : offset) as Millis, damaged };
}
