import { openSsl } from '../native/openssl.ts';
import { Memory } from '../native/memory.ts';

import { GCM_IV, GCM_TAG, type EngineMaker } from './engine.ts';
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
  const key = pattern(16, 3).bytes;
  const makers = [one, other];
  const sealers = makers.map((maker) => maker.aead(key, 'seal'));
  const openers = makers.map((maker) => maker.aead(key, 'open'));
  const streams = makers.map((maker) => maker.keystream(key));
  const macs = makers.map((maker) => maker.mac(pattern(20, 5).bytes));
  try {
    return LENGTHS.every((length) => {
      const iv = pattern(GCM_IV, length);
      const packets = makers.map(() => pattern(HEADER + length + GCM_TAG, 7));
      const plain = Buffer.from(packets[0]?.bytes ?? []);
      const run = (engines: typeof sealers) => engines.map((engine, i) => engine.run(iv, memoryAt(packets, i), 0, HEADER, memoryAt(packets, i), HEADER, length));
      const sealed = run(sealers).every(Boolean) && equal(packets);
      const opened = run(openers).every(Boolean) && packets.every(({ bytes }) => plain.compare(bytes, 0, HEADER + length, 0, HEADER + length) === 0);
      const refused = run(openers).every((succeeded) => length === 0 || !succeeded);
      const texts = makers.map(() => pattern(3 + length, 11));
      const counter = pattern(16, 13);
      counter.view.setUint16(14, 0);
      streams.forEach((stream, i) => stream.queue(counter, memoryAt(texts, i), 3, length));
      const streamed = streams.map((stream) => stream.flush()).every(Boolean) && equal(texts);
      const digests = macs.map((mac, i) => Buffer.from(mac.digest(memoryAt(texts, i), 3, length) ?? []));
      return sealed && opened && refused && streamed && digests[0]?.length === 20 && digests.every((digest) => digests[0]?.equals(digest));
    });
  } finally {
    for (const engine of [...sealers, ...openers, ...streams, ...macs]) {
      engine.close();
    }
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
