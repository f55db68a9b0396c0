import { Memory } from '../native/memory.ts';
import { GET_TAG, SET_TAG, type OpenSsl } from '../native/openssl.ts';

import { GCM_TAG, SHA1, type AeadEngine, type EngineMaker, type KeystreamEngine, type MacEngine } from './engine.ts';

/** SRTP's ciphers by OpenSSL's own functions: a context holds the key's schedule, and a packet costs a new vector. */
export function nativeEngines(ssl: OpenSsl): EngineMaker {
  return {
    aead: (key, direction, use) => (use === 'seldom' ? new PassingGcm(ssl, key, direction) : newGcm(ssl, key, direction)),
    keystream: (key) => new NativeKeystream(ssl, key),
    mac: (key) => new NativeHmac(ssl, key),
  };
}

/** Where OpenSSL writes how much it has written, and the last digest: shared by all keys of the thread. */
const written = Memory.alloc(8);
const digest = Memory.alloc(32);
/** A key while OpenSSL reads it: at most a block of SHA-1. */
const keyCopy = Memory.alloc(64);
const digestBytes = digest.bytes.subarray(0, SHA1);

/** A cipher context with its key set, to be freed once. @throws {Error} where OpenSSL refuses. */
function newCipher(ssl: OpenSsl, cipher: number, key: Uint8Array, direction: 'seal' | 'open'): number {
  const context = ssl.newCipher();
  keyCopy.bytes.set(key);
  const init = direction === 'seal' ? ssl.encryptInit : ssl.decryptInit;
  const made = context !== 0 && init(context, cipher, 0, keyCopy.address, 0) === 1;
  keyCopy.bytes.fill(0);
  if (!made) {
    ssl.freeCipher(context);
    ssl.clearErrors();
    throw new Error('OpenSSL made no cipher');
  }
  return context;
}

function newGcm(ssl: OpenSsl, key: Uint8Array, direction: 'seal' | 'open'): AeadEngine {
  return direction === 'seal' ? new NativeGcmSealer(ssl, key) : new NativeGcmOpener(ssl, key);
}

/** A context for each packet: it takes a microsecond more, where one that is kept takes 4 KB. */
class PassingGcm implements AeadEngine {
  readonly #ssl: OpenSsl;
  readonly #key: Uint8Array;
  readonly #direction: 'seal' | 'open';

  constructor(ssl: OpenSsl, key: Uint8Array, direction: 'seal' | 'open') {
    this.#ssl = ssl;
    this.#key = key;
    this.#direction = direction;
  }

  run(iv: Memory, aad: Memory, aadAt: number, aadLength: number, text: Memory, at: number, length: number): boolean {
    const engine = newGcm(this.#ssl, this.#key, this.#direction);
    try {
      return engine.run(iv, aad, aadAt, aadLength, text, at, length);
    } finally {
      engine.close();
    }
  }

  close(): void {
    // Nothing is kept.
  }
}

class NativeGcmSealer implements AeadEngine {
  readonly #ssl: OpenSsl;
  #context: number;

  constructor(ssl: OpenSsl, key: Uint8Array) {
    this.#ssl = ssl;
    this.#context = newCipher(ssl, ssl.aes128Gcm, key, 'seal');
  }

  run(iv: Memory, aad: Memory, aadAt: number, aadLength: number, text: Memory, at: number, length: number): boolean {
    const ssl = this.#ssl;
    const context = this.#context;
    const start = text.address + at;
    const count = written.address;
    const sealed =
      context !== 0 &&
      ssl.encryptInit(context, 0, 0, 0, iv.address) === 1 &&
      ssl.encryptUpdate(context, 0, count, aad.address + aadAt, aadLength) === 1 &&
      (length === 0 || ssl.encryptUpdate(context, start, count, start, length) === 1) &&
      ssl.encryptFinal(context, start + length, count) === 1 &&
      ssl.control(context, GET_TAG, GCM_TAG, start + length) === 1;
    if (!sealed) {
      ssl.clearErrors();
    }
    return sealed;
  }

  close(): void {
    this.#ssl.freeCipher(this.#context);
    this.#context = 0;
  }
}

class NativeGcmOpener implements AeadEngine {
  readonly #ssl: OpenSsl;
  #context: number;

  constructor(ssl: OpenSsl, key: Uint8Array) {
    this.#ssl = ssl;
    this.#context = newCipher(ssl, ssl.aes128Gcm, key, 'open');
  }

  run(iv: Memory, aad: Memory, aadAt: number, aadLength: number, text: Memory, at: number, length: number): boolean {
    const ssl = this.#ssl;
    const context = this.#context;
    const start = text.address + at;
    const count = written.address;
    const opened =
      context !== 0 &&
      ssl.decryptInit(context, 0, 0, 0, iv.address) === 1 &&
      ssl.control(context, SET_TAG, GCM_TAG, start + length) === 1 &&
      ssl.decryptUpdate(context, 0, count, aad.address + aadAt, aadLength) === 1 &&
      (length === 0 || ssl.decryptUpdate(context, start, count, start, length) === 1) &&
      ssl.decryptFinal(context, start + length, count) === 1;
    if (!opened) {
      ssl.clearErrors();
    }
    return opened;
  }

  close(): void {
    this.#ssl.freeCipher(this.#context);
    this.#context = 0;
  }
}

class NativeKeystream implements KeystreamEngine {
  readonly #ssl: OpenSsl;
  #context: number;
  #succeeded = true;

  constructor(ssl: OpenSsl, key: Uint8Array) {
    this.#ssl = ssl;
    this.#context = newCipher(ssl, ssl.aes128Ctr, key, 'seal');
  }

  queue(iv: Memory, text: Memory, at: number, length: number): void {
    const ssl = this.#ssl;
    const context = this.#context;
    const start = text.address + at;
    this.#succeeded &&=
      context !== 0 &&
      ssl.encryptInit(context, 0, 0, 0, iv.address) === 1 &&
      (length === 0 || ssl.encryptUpdate(context, start, written.address, start, length) === 1);
  }

  flush(): boolean {
    const succeeded = this.#succeeded;
    this.#succeeded = true;
    if (!succeeded) {
      this.#ssl.clearErrors();
    }
    return succeeded;
  }

  close(): void {
    this.#ssl.freeCipher(this.#context);
    this.#context = 0;
  }
}

class NativeHmac implements MacEngine {
  readonly #ssl: OpenSsl;
  #context: number;

  constructor(ssl: OpenSsl, key: Uint8Array) {
    this.#ssl = ssl;
    this.#context = ssl.newHmac();
    keyCopy.bytes.set(key);
    const made = this.#context !== 0 && ssl.hmacInit(this.#context, keyCopy.address, key.length, ssl.sha1, 0) === 1;
    keyCopy.bytes.fill(0);
    if (!made) {
      this.close();
      ssl.clearErrors();
      throw new Error('OpenSSL made no HMAC');
    }
  }

  digest(text: Memory, at: number, length: number): Uint8Array | undefined {
    const ssl = this.#ssl;
    const context = this.#context;
    const made =
      context !== 0 &&
      ssl.hmacInit(context, 0, 0, 0, 0) === 1 &&
      ssl.hmacUpdate(context, text.address + at, length) === 1 &&
      ssl.hmacFinal(context, digest.address, written.address) === 1;
    if (!made) {
      ssl.clearErrors();
      return undefined;
    }
    return digestBytes;
  }

  close(): void {
    this.#ssl.freeHmac(this.#context);
    this.#context = 0;
  }
}
