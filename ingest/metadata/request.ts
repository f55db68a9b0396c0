import type { MetadataRequest } from '#core/bus/metadata.ts';
import { isEventType, MAX_EVENT_BYTES } from '#core/media/timed-event.ts';
import { MillraceError } from '#core/runtime/errors.ts';

/**
 * Reads what was asked under `metadata/<stream>`.
 *
 * @throws {MillraceError} `metadata/malformed` or `metadata/too-large`.
 */
export function readMetadataRequest(payload: unknown): MetadataRequest {
  const { type, data } = (typeof payload === 'object' && payload !== null ? payload : {}) as Partial<Record<keyof MetadataRequest, unknown>>;
  if (typeof type !== 'string' || !isEventType(type)) {
    throw new MillraceError('metadata/malformed', 'The type of a message has 1 to 64 of a-z, 0-9, ".", "_" and "-", and begins with a letter or digit.');
  }
  // A lone surrogate would not come out as it went in.
  if (typeof data !== 'string' || !data.isWellFormed()) {
    throw new MillraceError('metadata/malformed', 'The data of a message is JSON text.');
  }
  // Before it is parsed: no string is shorter in UTF-8.
  const bytes = data.length > MAX_EVENT_BYTES ? data.length : new TextEncoder().encode(data).length;
  if (bytes > MAX_EVENT_BYTES) {
    throw new MillraceError('metadata/too-large', `The data of a message has at most ${MAX_EVENT_BYTES} bytes; this has ${bytes} or more.`);
  }
  try {
    JSON.parse(data);
  } catch (cause) {
    throw new MillraceError('metadata/malformed', 'The data of a message is not JSON.', { cause });
  }
  return { type, data };
}
