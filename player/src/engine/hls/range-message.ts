import { EVENT_SCHEME } from '#core/media/timed-event.ts';
import { parseJson, readMessage } from '../../events/timed-message.ts';
import type { TimedMessage } from '../../events/timed-message.ts';

/** Attributes of an EXT-X-DATERANGE, quoted strings without their quotes. */
export type RangeAttributes = Readonly<Record<string, string | undefined>>;

/** Reads a message from the attributes of its tag; undefined where it is none of ours. */
export function readRange(attributes: RangeAttributes): TimedMessage | undefined {
  const { ID: id, CLASS: scheme, 'START-DATE': wallTime, 'X-TYPE': type, 'X-DATA': data } = attributes;
  if (scheme !== EVENT_SCHEME || data === undefined) {
    return undefined;
  }
  return readMessage({ id, type, data: parseJson(decodeBase64Url(data)), time: timeOf(attributes), wallTime });
}

/** Media time, where the tag tells it: seconds on the broadcast's timeline. */
export function timeOf({ 'X-TIME': time }: RangeAttributes): number | undefined {
  return time === undefined || !(Number(time) >= 0) ? undefined : Number(time);
}

function decodeBase64Url(text: string): string {
  try {
    const bytes = Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0));
    return new TextDecoder().decode(bytes);
  } catch {
    return '';
  }
}
