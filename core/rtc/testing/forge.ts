import { fingerprintOf } from '../ice/stun-message.ts';

/** The message with a length and a FINGERPRINT that fit what stands before it. */
export function refingerprinted(message: Buffer): Buffer {
  const bytes = Buffer.from(message);
  bytes.writeUInt16BE(bytes.length - 20, 2);
  bytes.writeUInt32BE(fingerprintOf(bytes, bytes.length - 8), bytes.length - 4);
  return bytes;
}

/** A signed message without its MESSAGE-INTEGRITY, but with a true FINGERPRINT. */
export function unsigned(message: Buffer): Buffer {
  return refingerprinted(Buffer.concat([message.subarray(0, -32), message.subarray(-8)]));
}

/** A few bytes changed; every other one with a true FINGERPRINT, so that more than the checksum is put to the test. */
export function mutated(message: Buffer, random: () => number): Buffer {
  const bytes = Buffer.from(message);
  for (let count = 0; count < 3; count++) {
    bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
  }
  return random() < 0.5 ? bytes : refingerprinted(bytes);
}
