import { isStreamName } from '#core/access/stream-key.ts';
import type { StreamName } from '#core/bus/catalog.ts';

import { ApiError } from './api-error.ts';

/**
 * A stream's name as it was sent.
 *
 * @throws {ApiError} `malformed`.
 */
export function streamNameOf(text: string): StreamName {
  if (!isStreamName(text)) {
    throw new ApiError(400, 'malformed', 'A stream\'s name has 1 to 63 small letters, digits and dashes, and begins with no dash.');
  }
  return text;
}
