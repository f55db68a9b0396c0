import { createHash, createHmac } from 'node:crypto';

/** The pseudo-random function of TLS 1.2 with SHA-256, RFC 5246, 5. */
export function prf(secret: Uint8Array, label: string, seed: Uint8Array, length: number): Buffer {
  const labelled = Buffer.concat([Buffer.from(label, 'latin1'), seed]);
  const blocks: Buffer[] = [];
  // P_SHA256: A(0) = seed, A(i) = HMAC(secret, A(i-1)); the output is HMAC(secret, A(1) + seed) + HMAC(secret, A(2) + seed) + ...
  let a = labelled;
  for (let have = 0; have < length; have += 32) {
    a = createHmac('sha256', secret).update(a).digest();
    blocks.push(createHmac('sha256', secret).update(a).update(labelled).digest());
  }
  return Buffer.concat(blocks).subarray(0, length);
}

/** `verify_data` of a Finished message, RFC 5246, 7.4.9. */
export function verifyData(side: 'client' | 'server', masterSecret: Uint8Array, transcript: Uint8Array): Buffer {
  return prf(masterSecret, `${side} finished`, createHash('sha256').update(transcript).digest(), 12);
}
