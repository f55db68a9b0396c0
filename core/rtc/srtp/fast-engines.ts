import { openSsl } from '../native/openssl.ts';
import { Memory } from '../native/memory.ts';

import { GCM_IV, GCM_TAG, SHA1, type EngineMaker } from './engine.ts';
import { nativeEngines } from './native-engines.ts';
import { portableEngines } from './portable-engines.ts';

/** The native engines, or why they are not used. */
export type FastEngines = { readonly engines?: EngineMaker; readonly reason: string };

let found: FastEngines | undefined;

/** The native engines of this thread, once they have given the same bytes as the portable ones. Never throws. */
export function fastEngines(): FastEngines {
  found ??= find();
  return found;
}

function find(): FastEngines {
  const { ssl, reason } = openSsl();
  if (ssl === undefined) {
    return { reason };
  }
  const engines = nativeEngines(ssl);
  try {
    return sameBytes(engines, portableEngines) ? { engines, reason: '' } : { reason: 'the bytes differ from the portable ones' };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}

/** Text lengths around the block sizes of AES and SHA-1, and a packet's. */
const LENGTHS = [0, 1, 15, 16, 17, 63, 64, 65, 88, 1188];
const HEADER = 12;

/** Whether two makers' engines encrypt, authenticate and decrypt alike, and refuse what was forged. Exported for its test. */
export function sameBytes(one: EngineMaker, other: EngineMaker): boolean {
  const makers = [one, other];
  return (['often', 'seldom'] as const).every((use) => sameAead(makers, use)) && sameCounterMode(makers);
}

function sameAead(makers: readonly EngineMaker[], use: 'often' | 'seldom'): boolean {
  const key = pattern(16, 3).bytes;
  const sealers = makers.map((maker) => maker.aead(key, 'seal', use));
  const openers = makers.map((maker) => maker.aead(key, 'open', use));
  try {
    return LENGTHS.every((length) => {
      const iv = pattern(GCM_IV, length);
      const packets = makers.map(() => pattern(HEADER + length + GCM_TAG, 7));
      const plain = Buffer.from(packets[0]?.bytes ?? []);
      const run = (engines: typeof sealers) => engines.map((engine, i) => engine.run(iv, memoryAt(packets, i), 0, HEADER, memoryAt(packets, i), HEADER, length));
      const sealed = run(sealers).every(Boolean) && equal(packets);
      const opened = run(openers).every(Boolean) && packets.every(({ bytes }) => plain.compare(bytes, 0, HEADER + length, 0, HEADER + length) === 0);
      packets.forEach(({ bytes }) => bytes.fill(0, HEADER + length));
      return sealed && opened && run(openers).every((succeeded) => !succeeded);
    });
  } finally {
    [...sealers, ...openers].forEach((engine) => engine.close());
  }
}

function sameCounterMode(makers: readonly EngineMaker[]): boolean {
  const streams = makers.map((maker) => maker.keystream(pattern(16, 3).bytes));
  const macs = makers.map((maker) => maker.mac(pattern(20, 5).bytes));
  try {
    return LENGTHS.every((length) => {
      const texts = makers.map(() => pattern(3 + length, 11));
      const iv = pattern(16, 13);
      iv.view.setUint16(14, 0);
      streams.forEach((stream, i) => stream.queue(iv, memoryAt(texts, i), 3, length));
      const streamed = streams.map((stream) => stream.flush()).every(Boolean) && equal(texts);
      const digests = macs.map((mac, i) => Buffer.from(mac.digest(memoryAt(texts, i), 3, length) ?? []));
      return streamed && digests[0]?.length === SHA1 && digests.every((digest) => digests[0]?.equals(digest));
    });
  } finally {
    [...streams, ...macs].forEach((engine) => engine.close());
  }
}

/** Bytes that no two places have alike. */
function pattern(length: number, seed: number): Memory {
  const memory = Memory.alloc(length);
  for (let i = 0; i < length; i += 1) {
    memory.bytes[i] = (i * 31 + seed * 17 + (i >> 3)) & 0xff;
  }
  return memory;
}

function memoryAt(memories: readonly Memory[], i: number): Memory {
  const memory = memories[i];
  if (memory === undefined) {
    throw new RangeError('no such memory');
  }
  return memory;
}

function equal(memories: readonly Memory[]): boolean {
  return memories.every(({ bytes }) => memories[0]?.bytes.equals(bytes));
}
