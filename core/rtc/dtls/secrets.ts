import { createHash } from 'node:crypto';

import { prf } from './prf.ts';
import { RecordCipher } from './record-cipher.ts';
import { SRTP_KEY_BYTES, type NumberedProfile, type SrtpKeys } from './srtp-keys.ts';

/** The randoms of both hellos. */
export type Randoms = { readonly client: Uint8Array; readonly server: Uint8Array };

const MASTER_SECRET_BYTES = 48;
/** Keys for records: two write keys of 16 bytes and two implicit nonces of 4, RFC 5288, 3. */
const WRITE_KEY_BYTES = 16;
const NONCE_BYTES = 4;

/**
 * The master secret, bound to the whole handshake (RFC 7627, 4) where both sides know how.
 *
 * @param transcript of all messages up to ClientKeyExchange; undefined where a side does not know how (RFC 5246, 8.1).
 */
export function deriveMasterSecret(preMasterSecret: Uint8Array, { client, server }: Randoms, transcript: Uint8Array | undefined): Buffer {
  return transcript === undefined
    ? prf(preMasterSecret, 'master secret', Buffer.concat([client, server]), MASTER_SECRET_BYTES)
    : prf(preMasterSecret, 'extended master secret', createHash('sha256').update(transcript).digest(), MASTER_SECRET_BYTES);
}

/** What protects the records of one side and opens the other's, RFC 5246, 6.3. */
export function recordCipherOf(side: 'client' | 'server', masterSecret: Uint8Array, { client, server }: Randoms): RecordCipher {
  const block = prf(masterSecret, 'key expansion', Buffer.concat([server, client]), 2 * (WRITE_KEY_BYTES + NONCE_BYTES));
  const [clients, servers] = ends(block, WRITE_KEY_BYTES, NONCE_BYTES);
  return side === 'client' ? new RecordCipher(clients, servers) : new RecordCipher(servers, clients);
}

/** The keys of SRTP for one side, RFC 5764, 4.2. */
export function srtpKeysOf(side: 'client' | 'server', { name, saltBytes }: NumberedProfile, masterSecret: Uint8Array, { client, server }: Randoms): SrtpKeys {
  const exported = prf(masterSecret, 'EXTRACTOR-dtls_srtp', Buffer.concat([client, server]), 2 * (SRTP_KEY_BYTES + saltBytes));
  const [clients, servers] = ends(exported, SRTP_KEY_BYTES, saltBytes);
  const [local, remote] = side === 'client' ? [clients, servers] : [servers, clients];
  return { profile: name, localKey: local.key, localSalt: local.salt, remoteKey: remote.key, remoteSalt: remote.salt };
}

type End = { readonly key: Uint8Array; readonly salt: Uint8Array };

/** `client key | server key | client salt | server salt`. Copies: a view would keep the others for as long as the session lives. */
function ends(block: Buffer, keyBytes: number, saltBytes: number): readonly [client: End, server: End] {
  const part = (from: number, length: number): Uint8Array => Uint8Array.from(block.subarray(from, from + length));
  const salts = 2 * keyBytes;
  return [
    { key: part(0, keyBytes), salt: part(salts, saltBytes) },
    { key: part(keyBytes, keyBytes), salt: part(salts + saltBytes, saltBytes) },
  ];
}
