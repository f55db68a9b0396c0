import { randomBytes } from 'node:crypto';

import type { IceCredentials } from '../transport.ts';

/** ice-char, RFC 8839, 5.4: 64 of them, so a byte's low six bits choose one evenly. */
const ICE_CHARS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
/** 48 bits tell sessions apart; the password's 144 bits keep them apart ("MUST contain at least 128 bits"). */
const UFRAG_CHARS = 8;
const PWD_CHARS = 24;

/** Makes credentials that nobody can guess. */
export function createCredentials(): IceCredentials {
  return { ufrag: iceChars(UFRAG_CHARS), pwd: iceChars(PWD_CHARS) };
}

/** Whether a description's credentials can be: 4 to 256 and 22 to 256 ice-chars. */
export function areUsableCredentials({ ufrag, pwd }: IceCredentials): boolean {
  return /^[A-Za-z0-9+/]{4,256}$/.test(ufrag) && /^[A-Za-z0-9+/]{22,256}$/.test(pwd);
}

function iceChars(count: number): string {
  return Array.from(randomBytes(count), (byte) => ICE_CHARS[byte & 63]).join('');
}
