import { createHash, createHmac } from 'node:crypto';

const MASTER_SECRET_BYTES = 48;

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

/** The master secret that is bound to the whole handshake, RFC 7627, 4. `transcript` ends with ClientKeyExchange. */
export function extendedMasterSecret(preMasterSecret: Uint8Array, transcript: Uint8Array): Buffer {
  return prf(preMasterSecret, 'extended master secret', createHash('sha256').update(transcript).digest(), MASTER_SECRET_BYTES);
}

/** The master secret of a peer that knows no other, RFC 5246, 8.1. */
export function masterSecret(preMasterSecret: Uint8Array, clientRandom: Uint8Array, serverRandom: Uint8Array): Buffer {
  return prf(preMasterSecret, 'master secret', Buffer.concat([clientRandom, serverRandom]), MASTER_SECRET_BYTES);
}
