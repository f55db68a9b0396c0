import { isStreamName, parseStreamKey, type StreamKey } from '#core/access/stream-key.ts';
import type { CommonConfig } from '#core/runtime/config/common.ts';

/** The form of a stream key in words, for messages. */
export const KEY_FORM =
  'A stream key is <stream>_<secret>: the stream of small letters, digits and dashes, the secret of 16 to 128 letters, digits, dashes and underscores.';

/** The stream keys of a configuration, and what is wrong with the others. No problem quotes a secret. */
export type ConfiguredKeys = { readonly keys: readonly string[]; readonly problems: readonly string[] };

/**
 * Reads the stream keys of `streams` and `streamKeys`. A stream may have several keys (a new one beside the old while
 * broadcasters change over), but only one entry in `streams`, since that says its ladder.
 */
export function configuredKeys(config: Pick<CommonConfig, 'streams' | 'streamKeys'>): ConfiguredKeys {
  const keys: string[] = [];
  const problems: string[] = [];
  const placeOf = new Map<string, string>();
  const entryOf = new Map<string, string>();

  const take = (key: string, place: string): StreamKey | undefined => {
    const parsed = parseStreamKey(key);
    if (parsed === undefined) {
      problems.push(`${place}: ${whyMalformed(key)} ${KEY_FORM}`);
      return undefined;
    }
    const before = placeOf.get(key);
    if (before !== undefined) {
      problems.push(`${place}: this key of stream "${parsed.stream}" stands already at ${before}. Remove one of the two.`);
      return undefined;
    }
    placeOf.set(key, place);
    keys.push(key);
    return parsed;
  };

  config.streams.forEach((setting, index) => {
    const place = `streams[${index}].key`;
    const parsed = take(setting.key, place);
    if (parsed === undefined) {
      return;
    }
    const before = entryOf.get(parsed.stream);
    if (before !== undefined) {
      problems.push(`${place}: stream "${parsed.stream}" has its entry already at ${before}. Give a second key of a stream in streamKeys.`);
    }
    entryOf.set(parsed.stream, place);
  });
  config.streamKeys.forEach((key, index) => take(key, `streamKeys[${index}]`));
  return { keys, problems };
}

/**
 * Says what is wrong with a malformed key, quoting nothing of it: where the underscore was forgotten or misplaced, even
 * what stands in the stream's place may be part of the secret.
 */
export function whyMalformed(key: string): string {
  if (key === '') {
    return 'The stream key is empty.';
  }
  const at = key.indexOf('_');
  if (at < 0) {
    return 'The stream key has no underscore between stream and secret.';
  }
  if (!isStreamName(key.slice(0, at))) {
    return 'What stands before the first underscore of the stream key is not a stream\'s name.';
  }
  const length = key.length - at - 1;
  if (length < 16) {
    return `The secret after the first underscore of the stream key has ${length} characters, fewer than 16.`;
  }
  return length > 128
    ? `The secret after the first underscore of the stream key has ${length} characters, more than 128.`
    : 'The secret after the first underscore of the stream key contains a character that is not allowed.';
}
