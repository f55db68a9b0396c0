import { malformed, tooLarge } from './errors.ts';

/** A description may have so many characters: a browser's offer with every codec has 7,000. */
export const MAX_SDP_LENGTH = 65_536;

const MAX_LINE_LENGTH = 4096;

/** One line of SDP, `<type>=<value>` (RFC 8866, 5). */
export type SdpLine = { readonly type: string; readonly value: string };

/**
 * Splits a description into its lines, in one pass. Lines end in CRLF or LF; empty ones are skipped.
 *
 * @throws {MillraceError} `sdp/too-large`, `sdp/malformed`.
 */
export function* linesOf(text: string): Generator<SdpLine> {
  if (text.length > MAX_SDP_LENGTH) {
    throw tooLarge(`The description has ${text.length} characters; ${MAX_SDP_LENGTH} are allowed.`);
  }
  for (let at = 0, number = 1; at < text.length; number += 1) {
    const newline = text.indexOf('\n', at);
    const next = newline < 0 ? text.length : newline + 1;
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(at, end > at && text[end - 1] === '\r' ? end - 1 : end);
    at = next;
    if (line.length > MAX_LINE_LENGTH) {
      throw tooLarge(`Line ${number} has ${line.length} characters; ${MAX_LINE_LENGTH} are allowed.`);
    }
    if (line === '') {
      continue;
    }
    // A line may be repeated in an answer or a log: nothing in it may look like the end of one.
    if (line[1] !== '=' || !/^[a-z]$/.test(line[0] ?? '') || hasControl(line)) {
      throw malformed(`Line ${number} is not of the form <type>=<value>.`);
    }
    yield { type: line.slice(0, 1), value: line.slice(2) };
  }
}

/** An attribute's name and value: `name` or `name:value` (RFC 8866, 5.13). */
export function attributeOf(value: string): readonly [name: string, value: string] {
  const colon = value.indexOf(':');
  return colon < 0 ? [value, ''] : [value.slice(0, colon), value.slice(colon + 1)];
}

/** Words between spaces. */
export function wordsOf(value: string): string[] {
  return value.split(' ').filter((word) => word !== '');
}

/** A whole number in decimal digits; undefined where it is none or lies above `max`. */
export function numberOf(text: string | undefined, max: number): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) {
    return undefined;
  }
  const value = Number(text);
  return value <= max ? value : undefined;
}

function hasControl(line: string): boolean {
  for (let index = 0; index < line.length; index += 1) {
    const code = line.charCodeAt(index);
    if ((code < 0x20 && code !== 0x09) || code === 0x7f) {
      return true;
    }
  }
  return false;
}
