import { PlaylistSyntaxError } from './syntax-error.ts';

/** A line that matters: a tag with what follows its colon, or a URI. */
export type Line = { readonly number: number; readonly tag: string; readonly value: string };

/** The tag of lines that are URIs. */
export const URI = 'URI';

/** Takes a playlist apart into tags and URIs (rfc8216bis, 4.1). */
export function playlistLines(text: string): Line[] {
  if (text.startsWith('\uFEFF')) {
    throw new PlaylistSyntaxError(1, '4', 'begins with a byte order mark');
  }
  const raw = text.split(/\r?\n/);
  if (raw[0] !== '#EXTM3U') {
    throw new PlaylistSyntaxError(1, '4.4.1.1', 'EXTM3U is not the first line');
  }
  if (raw.at(-1) !== '') {
    throw new PlaylistSyntaxError(raw.length, '4.1', 'the last line does not end');
  }
  return raw.slice(1).flatMap((content, index) => line(content, index + 2));
}

function line(content: string, number: number): Line[] {
  if (content === '' || (content.startsWith('#') && !content.startsWith('#EXT'))) {
    return [];
  }
  if (/[\u0000-\u001F\u007F-\u009F]/u.test(content)) {
    throw new PlaylistSyntaxError(number, '4', 'contains a control character');
  }
  if (!content.startsWith('#')) {
    if (/\s/.test(content)) {
      throw new PlaylistSyntaxError(number, '4.1', 'white space in a URI line');
    }
    return [{ number, tag: URI, value: content }];
  }
  const colon = content.indexOf(':');
  return [{ number, tag: content.slice(1, colon < 0 ? undefined : colon), value: colon < 0 ? '' : content.slice(colon + 1) }];
}

/** A decimal integer as a tag's whole value. */
export function integerValue({ number, tag, value }: Line, section: string): number {
  if (!/^\d{1,20}$/.test(value)) {
    throw new PlaylistSyntaxError(number, section, `${tag}:${value} is not a decimal integer`);
  }
  return Number(value);
}

/** Notes tags that a playlist may have once, and complains of the second. */
export function onlyOnce(): (line: Line) => void {
  const seen = new Set<string>();
  return ({ number, tag }) => {
    if (seen.has(tag)) {
      throw new PlaylistSyntaxError(number, '4.4', `${tag} stands twice`);
    }
    seen.add(tag);
  };
}
