import type { Memory } from '../native/memory.ts';

/** Bytes of an AES-GCM tag. */
export const GCM_TAG = 16;
/** Bytes of an AES-GCM initialisation vector. */
export const GCM_IV = 12;
/** Bytes of a SHA-1 digest. */
export const SHA1 = 20;

/** AES-128-GCM under one key in one direction, with the tag right behind the text. */
export interface AeadEngine {
  /** Works on `length` bytes at `at` in place; sealing writes {@link GCM_TAG} bytes behind them, opening reads them there. @returns whether it succeeded. */
  run(iv: Memory, aad: Memory, aadAt: number, aadLength: number, text: Memory, at: number, length: number): boolean;
  close(): void;
}

/** AES-128 in counter mode under one key: the same work in both directions. */
export interface KeystreamEngine {
  /** Takes `length` bytes at `at`, to be encrypted with the counter that begins at `iv` (16 bytes), now or at {@link flush}. */
  queue(iv: Memory, text: Memory, at: number, length: number): void;
  /** Finishes what was queued. @returns whether all of it succeeded. */
  flush(): boolean;
  close(): void;
}

/** HMAC-SHA1 under one key. */
export interface MacEngine {
  /** The digest of `length` bytes at `at`: {@link SHA1} bytes in a buffer used again; undefined where it failed. */
  digest(text: Memory, at: number, length: number): Uint8Array | undefined;
  close(): void;
}

/** What the ciphers are made of: portable or native. */
export interface EngineMaker {
  /** `seldom`: a few packets a second, for which little memory counts more than little time. */
  aead(key: Uint8Array, direction: 'seal' | 'open', use: 'often' | 'seldom'): AeadEngine;
  keystream(key: Uint8Array): KeystreamEngine;
  mac(key: Uint8Array): MacEngine;
}
