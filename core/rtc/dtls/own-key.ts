import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';

import type { RtcCertificate } from './certificate.ts';

const ownKeys = new WeakMap<RtcCertificate, { readonly der: Buffer; readonly key: KeyObject }>();

/** Our certificate in DER and its key, read once for all handshakes. */
export function ownKey(certificate: RtcCertificate): { readonly der: Buffer; readonly key: KeyObject } {
  let own = ownKeys.get(certificate);
  if (own === undefined) {
    own = { der: new X509Certificate(certificate.certPem).raw, key: createPrivateKey(certificate.keyPem) };
    ownKeys.set(certificate, own);
  }
  return own;
}
