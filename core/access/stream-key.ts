import type { StreamName } from '../bus/catalog.ts';

/** A stream key taken apart: `<stream>_<secret>`, split at the first underscore. */
export type StreamKey = { readonly stream: StreamName; readonly secret: string };

const streamPattern = /^[a-z0-9][a-z0-9-]{0,62}$/;
const secretPattern = /^[A-Za-z0-9_-]{16,128}$/;

/** Tells whether a string may be a stream's public name. */
export function isStreamName(value: string): value is StreamName {
  return streamPattern.test(value);
}

/** Takes a stream key apart; undefined where it is not of the form. */
export function parseStreamKey(key: string): StreamKey | undefined {
  const at = key.indexOf('_');
  if (at < 0) {
    return undefined;
  }
  const stream = key.slice(0, at);
  const secret = key.slice(at + 1);
  return streamPattern.test(stream) && secretPattern.test(secret) ? { stream, secret } : undefined;
}
