import { randomBytes } from 'node:crypto';

import type { IceCredentials } from '../transport.ts';

/** ice-char, RFC 8839, 5.4: 64 of them, so a byte's low six bits choose one evenly. */
const ICE_CHARS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
/** 48 bits tell sessions apart; the password's 144 bits keep them apart ("MUST contain at least 128 bits"). */
const UFRAG_CHARS = 8;
const PWD_CHARS = 24;

/** Makes credentials that nobody can guess. The user fragment begins with `prefix`, ice-chars that tell whose it is. */
export function createCredentials(prefix = ''): IceCredentials {
  return { ufrag: prefix + iceChars(UFRAG_CHARS), pwd: iceChars(PWD_CHARS) };
}

/** The ice-char that stands for a number from 0 to 63; undefined where it is none of these. */
export function iceCharOf(number: number): string | undefined {
  return ICE_CHARS[number];
}

/** The number that an ice-char stands for; -1 where it is none. */
export function numberOfIceChar(char: string): number {
  return char.length === 1 ? ICE_CHARS.indexOf(char) : -1;
}

/** Whether a description's credentials can be: 4 to 256 and 22 to 256 ice-chars. */
export function areUsableCredentials({ ufrag, pwd }: IceCredentials): boolean {
  return /^[A-Za-z0-9+/]{4,256}$/.test(ufrag) && /^[A-Za-z0-9+/]{22,256}$/.test(pwd);
}

function iceChars(count: number): string {
  return Array.from(randomBytes(count), (byte) => ICE_CHARS[byte & 63]).join('');
}
