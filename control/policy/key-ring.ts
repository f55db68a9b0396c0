import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

import { parseStreamKey } from '#core/access/stream-key.ts';
import type { StreamName } from '#core/bus/catalog.ts';

/**
 * Keys, kept only as hashes: HMAC-SHA256 under a random key of this process.
 *
 * A slow hash (scrypt, argon2) protects secrets that people choose, which can be guessed from a stolen hash. A stream
 * key's secret is at least 96 random bits, these hashes never leave the process, and a slow hash would let anybody
 * spend our CPU with wrong keys.
 */
export class KeyRing {
  readonly #hashKey = randomBytes(32);
  readonly #digests = new Map<StreamName, Buffer[]>();
  /** Compared with where a stream has no key, so that the time tells nothing. */
  readonly #nobody = randomBytes(32);

  /** Adds a well-formed key; the same key twice is one. */
  add(stream: StreamName, key: string): void {
    const digest = this.#hash(key);
    const digests = this.#digests.get(stream) ?? [];
    if (!digests.some((known) => timingSafeEqual(known, digest))) {
      this.#digests.set(stream, [...digests, digest]);
    }
  }

  /** The stream that a key opens; undefined where it opens none. */
  streamOf(key: string): StreamName | undefined {
    const stream = parseStreamKey(key)?.stream ?? '';
    const digest = this.#hash(key);
    const digests = this.#digests.get(stream) ?? [this.#nobody];
    // Every key of the stream is compared, whichever matches.
    const matches = digests.map((known) => timingSafeEqual(known, digest)).filter(Boolean).length;
    return matches > 0 ? stream : undefined;
  }

  has(stream: StreamName): boolean {
    return this.#digests.has(stream);
  }

  /** Streams that have a key, in the order in which they came. */
  get streams(): readonly StreamName[] {
    return [...this.#digests.keys()];
  }

  #hash(key: string): Buffer {
    return createHmac('sha256', this.#hashKey).update(key).digest();
  }
}
