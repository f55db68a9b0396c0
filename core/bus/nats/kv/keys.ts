import { MillraceError } from '../../../runtime/errors.ts';

/** What the server and its clients allow in keys is narrower than what callers name things. `=` begins what is escaped. */
const plain = /[^-/_a-zA-Z0-9]/gu;

/** Subjects share one line of the protocol with much else. */
const MAX_KEY = 512;

const text = new TextEncoder();

/**
 * A key or the last token of a subject: letters, digits, `-`, `_` and `/` stay, every other byte of UTF-8 becomes `=` and two hex digits.
 *
 * @throws {MillraceError} `bus/malformed` where the key is empty, or its escaped form longer than 512 characters.
 */
export function escapeKey(key: string): string {
  const escaped = key.replace(plain, (character) => [...text.encode(character)].map((byte) => `=${byte.toString(16).padStart(2, '0')}`).join(''));
  if (escaped.length === 0 || escaped.length > MAX_KEY) {
    throw new MillraceError('bus/malformed', `a name on the bus has 1 to ${MAX_KEY} characters once escaped, this one ${escaped.length}`);
  }
  return escaped;
}

/** What {@link escapeKey} was given; text that it never makes is returned as it is. */
export function unescapeKey(escaped: string): string {
  try {
    return decodeURIComponent(escaped.replaceAll('%', '%25').replace(/=([0-9a-f]{2})/g, '%$1'));
  } catch {
    return escaped;
  }
}
