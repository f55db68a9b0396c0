import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const COOKIE_BYTES = 20;
/** Addresses whose cookies are still taken; a session has no more. */
const MAX_ASKED = 8;

/**
 * Cookies of one handshake, RFC 6347, 4.2.1: each is good for one address and one hello ("HMAC(Secret, Client-IP, Client-Parameters)"), so
 * whoever returns it has read what was sent to that address.
 */
export class Cookies {
  readonly #secret = randomBytes(32);
  readonly #asked: string[] = [];

  /** The cookie to ask an address for. */
  give(origin: string, helloRandom: Uint8Array): Buffer {
    if (!this.#asked.includes(origin)) {
      this.#asked.push(origin);
      this.#asked.splice(0, this.#asked.length - MAX_ASKED);
    }
    return this.#cookie(origin, helloRandom);
  }

  /** The address that was given this cookie; undefined where none was. It says nothing of the address that the cookie comes back from. */
  ownerOf(cookie: Buffer, helloRandom: Uint8Array): string | undefined {
    return this.#asked.find((origin) => cookie.length === COOKIE_BYTES && timingSafeEqual(cookie, this.#cookie(origin, helloRandom)));
  }

  #cookie(origin: string, helloRandom: Uint8Array): Buffer {
    return createHmac('sha256', this.#secret).update(helloRandom).update(origin).digest().subarray(0, COOKIE_BYTES);
  }
}
