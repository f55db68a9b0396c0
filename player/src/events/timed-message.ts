/** A message on the media timeline, as listeners get it; its fields are named as in the answer to the POST that sent it. A plain object. */
export type TimedMessage = {
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly type: string;
  /** Whatever JSON was sent. */
  readonly data: unknown;
  /** Seconds on the broadcast's timeline; null where the way does not tell. */
  readonly time: number | null;
  /** When its frame left the camera, ISO 8601; null where the way does not tell. */
  readonly wallTime: string | null;
};

/**
 * Where a message lies for the engine that brought it. `position`: seconds on the element's timeline. `timestamp`: RTP
 * timestamp (90 kHz for the picture, 48 kHz for sound) of its frame as this viewer gets it.
 */
export type EventPlace =
  | { readonly kind: 'position'; readonly position: number }
  | { readonly kind: 'rtp'; readonly media: 'video' | 'audio'; readonly timestamp: number };

/** What an engine tells of a message; told again with another place, the last one holds. */
export type EngineEvent = { readonly message: TimedMessage; readonly place: EventPlace };

/** Largest message, in UTF-16 units of its JSON: the server's own bound is 4 KiB of UTF-8. */
const longestText = 8_192;

const idPattern = /^[0-9a-f]{32}$/;
const typePattern = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** Fields as they came over the wire, none of them checked. */
export type RawMessage = { readonly id: unknown; readonly type: unknown; readonly data: unknown; readonly time?: unknown; readonly wallTime?: unknown };

/** Checks what came over the wire; undefined where it is no message of ours. */
export function readMessage({ id, type, data, time, wallTime }: RawMessage): TimedMessage | undefined {
  if (typeof id !== 'string' || !idPattern.test(id) || typeof type !== 'string' || !typePattern.test(type) || data === undefined) {
    return undefined;
  }
  const told = typeof wallTime === 'string' ? Date.parse(wallTime) : Number.NaN;
  return {
    id,
    type,
    data,
    time: typeof time === 'number' && Number.isFinite(time) ? time : null,
    wallTime: Number.isNaN(told) ? null : new Date(told).toISOString(),
  };
}

/** JSON that a message was sent as; undefined where it is none, or too long. */
export function parseJson(text: string): unknown {
  if (text.length > longestText) {
    return undefined;
  }
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
