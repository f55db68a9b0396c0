import { createCipheriv, createDecipheriv, createSecretKey, type Cipheriv, type KeyObject } from 'node:crypto';

import type { Memory } from '../native/memory.ts';
import { MAX_BATCH_BYTES, MAX_BATCH_PACKETS } from '../packet-batch.ts';

import { GCM_TAG, type AeadEngine, type EngineMaker, type KeystreamEngine } from './engine.ts';
import { HmacSha1 } from './hmac-sha1.ts';

/** SRTP's ciphers by `node:crypto` alone. */
export const portableEngines: EngineMaker = {
  aead: (key, direction) => (direction === 'seal' ? new GcmSealer(key) : new GcmOpener(key)),
  keystream: (key) => new EcbKeystream(key),
  mac: (key) => new HmacSha1(key),
};

const gcmOptions = { authTagLength: GCM_TAG };

class GcmSealer implements AeadEngine {
  readonly #key: KeyObject;

  constructor(key: Uint8Array) {
    this.#key = createSecretKey(key);
  }

  run(iv: Memory, aad: Memory, aadAt: number, aadLength: number, text: Memory, at: number, length: number): boolean {
    const cipher = createCipheriv('aes-128-gcm', this.#key, iv.bytes, gcmOptions);
    cipher.setAAD(aad.bytes.subarray(aadAt, aadAt + aadLength));
    text.bytes.set(cipher.update(text.bytes.subarray(at, at + length)), at);
    cipher.final();
    text.bytes.set(cipher.getAuthTag(), at + length);
    return true;
  }

  close(): void {
    // The key is the collector's.
  }
}

class GcmOpener implements AeadEngine {
  readonly #key: KeyObject;

  constructor(key: Uint8Array) {
    this.#key = createSecretKey(key);
  }

  run(iv: Memory, aad: Memory, aadAt: number, aadLength: number, text: Memory, at: number, length: number): boolean {
    const decipher = createDecipheriv('aes-128-gcm', this.#key, iv.bytes, gcmOptions);
    decipher.setAAD(aad.bytes.subarray(aadAt, aadAt + aadLength));
    decipher.setAuthTag(text.bytes.subarray(at + length, at + length + GCM_TAG));
    const plain = decipher.update(text.bytes.subarray(at, at + length));
    try {
      decipher.final();
    } catch {
      return false;
    }
    text.bytes.set(plain, at);
    return true;
  }

  close(): void {
    // The key is the collector's.
  }
}

const BLOCK = 16;
/** Blocks of a full batch, the begun one of each packet included. */
const MAX_BLOCKS = Math.ceil(MAX_BATCH_BYTES / BLOCK) + MAX_BATCH_PACKETS;

/** Counter blocks to encrypt, and the key stream of one packet, shifted to its alignment: shared by all keys of the thread. */
const counters = Buffer.alloc(MAX_BLOCKS * BLOCK);
const counterWords = new Uint32Array(counters.buffer, counters.byteOffset, MAX_BLOCKS * 4);
const aligned = new Uint8Array(MAX_BATCH_BYTES + 8);
const alignedWords = new Uint32Array(aligned.buffer, 0, aligned.length >> 2);
const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/**
 * Counter mode out of a long-lived cipher in ECB mode, which costs nothing to begin: the counter blocks of all of a batch's
 * packets are encrypted in one call and laid over the payloads word by word.
 */
class EcbKeystream implements KeystreamEngine {
  readonly #cipher: Cipheriv;
  #blocks = 0;
  #text: Memory | undefined;
  readonly #at: number[] = [];
  readonly #lengths: number[] = [];

  constructor(key: Uint8Array) {
    this.#cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false);
  }

  queue(iv: Memory, text: Memory, at: number, length: number): void {
    const blocks = Math.ceil(length / BLOCK);
    if (length > MAX_BATCH_BYTES || this.#blocks + blocks > MAX_BLOCKS) {
      throw new RangeError('more key stream than a batch can need');
    }
    this.#text = text;
    this.#at.push(at);
    this.#lengths.push(length);
    // The last 16 bits count the blocks: 2^20 bytes, where a datagram has fewer than 2^16.
    const first = iv.view.getUint32(0, LITTLE_ENDIAN);
    const second = iv.view.getUint32(4, LITTLE_ENDIAN);
    const third = iv.view.getUint32(8, LITTLE_ENDIAN);
    const fourth = iv.view.getUint32(12, LITTLE_ENDIAN);
    let word = this.#blocks * 4;
    for (let block = 0; block < blocks; block += 1) {
      counterWords[word] = first;
      counterWords[word + 1] = second;
      counterWords[word + 2] = third;
      counterWords[word + 3] = fourth + (LITTLE_ENDIAN ? ((block & 0xff) << 24) | ((block & 0xff00) << 8) : block);
      word += 4;
    }
    this.#blocks += blocks;
  }

  flush(): boolean {
    const text = this.#text;
    if (text === undefined) {
      return true;
    }
    const stream = this.#cipher.update(counters.subarray(0, this.#blocks * BLOCK));
    let from = 0;
    for (let i = 0; i < this.#at.length; i += 1) {
      const length = this.#lengths[i] ?? 0;
      overlay(text, this.#at[i] ?? 0, length, stream, from);
      from += Math.ceil(length / BLOCK) * BLOCK;
    }
    this.#at.length = 0;
    this.#lengths.length = 0;
    this.#blocks = 0;
    this.#text = undefined;
    return true;
  }

  close(): void {
    // The key is the collector's.
  }
}

/** XORs `length` bytes of the key stream over the text, in whole words of the text's memory but for its ends. */
function overlay(text: Memory, at: number, length: number, stream: Uint8Array, from: number): void {
  const { bytes } = text;
  const shift = (bytes.byteOffset + at) & 3;
  aligned.set(stream.subarray(from, from + length), shift);
  let i = 0;
  for (; i < length && ((shift + i) & 3) !== 0; i += 1) {
    bytes[at + i] = (bytes[at + i] ?? 0) ^ (aligned[shift + i] ?? 0);
  }
  const words = (length - i) >> 2;
  const target = text.words;
  const to = (bytes.byteOffset + at + i) >> 2;
  const source = (shift + i) >> 2;
  for (let word = 0; word < words; word += 1) {
    target[to + word] = (target[to + word] ?? 0) ^ (alignedWords[source + word] ?? 0);
  }
  for (i += words * 4; i < length; i += 1) {
    bytes[at + i] = (bytes[at + i] ?? 0) ^ (aligned[shift + i] ?? 0);
  }
}
