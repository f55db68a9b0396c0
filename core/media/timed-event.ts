import type { Ticks } from './time.ts';

/** The scheme of our messages, as `emsg`, DASH and HLS name it. */
export const EVENT_SCHEME = 'urn:millrace:event:2026';

/** The largest message, in bytes of UTF-8 of its JSON. */
export const MAX_EVENT_BYTES = 4096;

/** A message on the media timeline (ADR 0011): it belongs to the frame that carries it. */
export type TimedEvent = {
  /** Names it for ever: 32 hexadecimal digits. Whoever sees it twice takes it once. */
  readonly id: string;
  /** What kind of message it is, chosen by who sent it: `[a-z0-9][a-z0-9._-]{0,63}`. */
  readonly type: string;
  /** Presentation time on the broadcast's timeline, in ticks of 90 kHz whatever the track. */
  readonly pts: Ticks;
  /** JSON, at most {@link MAX_EVENT_BYTES}. */
  readonly data: string;
};
