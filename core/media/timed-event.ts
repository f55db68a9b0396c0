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

const typePattern = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const idPattern = /^[0-9a-f]{32}$/;

/** Tells whether a string may be a message's type. */
export function isEventType(value: string): boolean {
  return typePattern.test(value);
}

/** Tells whether a string may be a message's id. */
export function isEventId(value: string): boolean {
  return idPattern.test(value);
}

/** The id of 32 bits that a message has in `emsg` and in an MPD's `Event`: the first eight digits of its own. */
export function eventNumber({ id }: Pick<TimedEvent, 'id'>): number {
  return Number.parseInt(id.slice(0, 8), 16);
}

/**
 * What `emsg` and an MPD's `Event` hold of a message: JSON with its `id`, `type` and `data`. Only 32 bits of the id fit into their own field, and a type in
 * `value` would have to be declared before its first message comes: players leave out an `emsg` whose scheme and value the MPD does not name.
 */
export function eventText({ id, type, data }: TimedEvent): string {
  return `{"id":"${id}","type":"${type}","data":${data}}`;
}
