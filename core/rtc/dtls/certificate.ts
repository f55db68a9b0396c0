import { createPrivateKey, randomUUID, X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { WallTime } from '../../media/time.ts';
import { messageOf } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/log.ts';
import type { Fingerprint } from '../transport.ts';
import { CipherContext, HashAlgorithm, NamedCurveAlgorithm, SignatureAlgorithm } from '../werift.ts';
import { fingerprintOfCertificate } from './fingerprint.ts';

/** The server's certificate, ECDSA on P-256, with its key. */
export type RtcCertificate = { readonly certPem: string; readonly keyPem: string; readonly fingerprint: Fingerprint };

/** How werift is told what the certificate's signatures are. */
export const signatureHash = { hash: HashAlgorithm.sha256_4, signature: SignatureAlgorithm.ecdsa_3 };

const FILE = 'webrtc-certificate.pem';
/** A certificate is made anew when less than this is left of it. */
const RENEW_MILLIS = 30 * 24 * 3600 * 1000;

/** Makes a self-signed certificate. */
export async function createCertificate(): Promise<RtcCertificate> {
  const { certPem, keyPem } = await CipherContext.createSelfSignedCertificateWithKey(signatureHash, NamedCurveAlgorithm.secp256r1_23);
  return { certPem, keyPem, fingerprint: fingerprintOfCertificate(new X509Certificate(certPem).raw) };
}

/**
 * The certificate kept in the data folder (mode 0600), made where there is none that can be used or it ends soon. Where
 * the folder cannot be written it is made for this run alone.
 */
export async function keptCertificate(dataDir: string, now: WallTime, log: Logger): Promise<RtcCertificate> {
  const file = join(dataDir, FILE);
  const kept = await readFile(file, 'utf8').then((pem) => readCertificate(pem, now), () => undefined);
  if (kept !== undefined) {
    return kept;
  }
  const made = await createCertificate();
  const draft = `${file}.${randomUUID()}`;
  try {
    await mkdir(dataDir, { recursive: true });
    await writeFile(draft, `${made.certPem.trim()}\n${made.keyPem.trim()}\n`, { mode: 0o600, flag: 'wx' });
    await rename(draft, file);
  } catch (error) {
    log.warn({ file, reason: messageOf(error) }, 'the WebRTC certificate cannot be kept: the next start makes another');
  }
  return made;
}

/** A kept certificate; undefined where it cannot be used, or not for long. */
function readCertificate(pem: string, now: WallTime): RtcCertificate | undefined {
  try {
    const certificate = new X509Certificate(pem);
    const key = createPrivateKey(pem);
    const isOurs = certificate.publicKey.asymmetricKeyDetails?.namedCurve === 'prime256v1' && certificate.checkPrivateKey(key);
    if (!isOurs || Date.parse(certificate.validTo) - now < RENEW_MILLIS || Date.parse(certificate.validFrom) > now) {
      return undefined;
    }
    return { certPem: certificate.toString(), keyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(), fingerprint: fingerprintOfCertificate(certificate.raw) };
  } catch {
    return undefined;
  }
}
