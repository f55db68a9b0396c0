import { MillraceError } from '../../runtime/errors.ts';
import { NAMED_GROUP } from './key-agreement.ts';
import { EXTENSION, extension, MessageReader, NAMED_CURVE, RANDOM_BYTES, uint16, vector16, vector8, VERSION, within16 } from './message-bytes.ts';
import { SIGNATURE_SCHEMES } from './peer-proof.ts';
import { SRTP_PROFILES } from './srtp-keys.ts';

/** What is offered: TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 and, for peers with an RSA key, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256. */
const CIPHER_SUITES: ReadonlyMap<number, 'ec' | 'rsa'> = new Map([[0xc02b, 'ec'], [0xc02f, 'rsa']]);
const OFFERED: ReadonlySet<number> = new Set(Object.values(EXTENSION));

/** What a ServerHello chose. */
export type ServerHello = {
  readonly random: Buffer;
  /** Of the key that signs, as the cipher suite demands. */
  readonly keyType: 'ec' | 'rsa';
  /** Number of the SRTP protection profile. */
  readonly srtpProfile: number | undefined;
  readonly extendedMasterSecret: boolean;
};

/** What a ServerKeyExchange says. Views of it. */
export type ServerKeyExchange = {
  readonly group: number;
  readonly publicKey: Buffer;
  /** What is signed, behind both randoms. */
  readonly parameters: Buffer;
  /** Scheme, length and signature. */
  readonly signature: Buffer;
};

/** The body of a ClientHello, RFC 6347, 4.2.1. `cookie` is empty in the first. */
export function clientHello(random: Buffer, cookie: Buffer): Buffer {
  return Buffer.concat([
    uint16(VERSION),
    random,
    vector8(Buffer.alloc(0)),
    vector8(cookie),
    vector16(...CIPHER_SUITES.keys()),
    // No compression.
    vector8(Buffer.alloc(1)),
    within16(
      Buffer.concat([
        extension(EXTENSION.supportedGroups, vector16(...Object.values(NAMED_GROUP))),
        extension(EXTENSION.ecPointFormats, vector8(Buffer.alloc(1))),
        extension(EXTENSION.signatureAlgorithms, vector16(...SIGNATURE_SCHEMES.keys())),
        extension(EXTENSION.useSrtp, Buffer.concat([vector16(...SRTP_PROFILES.map(({ number }) => number)), vector8(Buffer.alloc(0))])),
        extension(EXTENSION.extendedMasterSecret, Buffer.alloc(0)),
        extension(EXTENSION.renegotiationInfo, vector8(Buffer.alloc(0))),
      ]),
    ),
  ]);
}

/** The body of a ClientKeyExchange, RFC 8422, 5.7. */
export function clientKeyExchange(publicKey: Buffer): Buffer {
  return vector8(publicKey);
}

/** The cookie of a HelloVerifyRequest, RFC 6347, 4.2.1: its version says nothing. */
export function readCookie(body: Buffer): Buffer {
  const reader = new MessageReader(body);
  reader.take(2);
  const cookie = reader.vector(1);
  reader.end();
  return cookie;
}

/**
 * Reads a ServerHello, RFC 5246, 7.4.1.3.
 *
 * @throws {MillraceError} `rtc/dtls-malformed`, and `rtc/dtls-choice` where it chose what was not offered.
 */
export function readServerHello(body: Buffer): ServerHello {
  const reader = new MessageReader(body);
  const version = reader.uint(2);
  const random = reader.take(RANDOM_BYTES);
  reader.vector(1);
  const keyType = CIPHER_SUITES.get(reader.uint(2));
  const compression = reader.uint(1);
  if (version !== VERSION || keyType === undefined || compression !== 0) {
    throw chosenUnoffered('version, cipher suite or compression');
  }
  let srtpProfile: number | undefined;
  let extendedMasterSecret = false;
  const extensions = new MessageReader(reader.isAtEnd ? Buffer.alloc(0) : reader.vector(2));
  reader.end();
  while (!extensions.isAtEnd) {
    const type = extensions.uint(2);
    const data = extensions.vector(2);
    // RFC 5246, 7.4.1.4: "an extension type [...] that it did not request [...] MUST abort".
    if (!OFFERED.has(type)) {
      throw chosenUnoffered('extension');
    }
    if (type === EXTENSION.useSrtp) {
      srtpProfile = readUseSrtp(data);
    }
    extendedMasterSecret ||= type === EXTENSION.extendedMasterSecret;
  }
  return { random, keyType, srtpProfile, extendedMasterSecret };
}

/**
 * Reads a ServerKeyExchange, RFC 8422, 5.4.
 *
 * ```
 * | named_curve (8) | group (16) | length (8) | public key | scheme (16) | length (16) | signature |
 * ```
 *
 * @throws {MillraceError} `rtc/dtls-malformed`.
 */
export function readServerKeyExchange(body: Buffer): ServerKeyExchange {
  const reader = new MessageReader(body);
  if (reader.uint(1) !== NAMED_CURVE) {
    throw chosenUnoffered('curve');
  }
  const group = reader.uint(2);
  const publicKey = reader.vector(1);
  const end = 4 + publicKey.length;
  return { group, publicKey, parameters: body.subarray(0, end), signature: body.subarray(end) };
}

/** RFC 5764, 4.1.1: "exactly one" profile, and no MKI, as none was offered. */
function readUseSrtp(data: Buffer): number {
  const reader = new MessageReader(data);
  const profiles = reader.vector(2);
  const mki = reader.vector(1);
  reader.end();
  if (profiles.length !== 2 || mki.length > 0) {
    throw chosenUnoffered('use_srtp');
  }
  return profiles.readUInt16BE(0);
}

function chosenUnoffered(what: string): MillraceError {
  return new MillraceError('rtc/dtls-choice', `The peer chose what was not offered: ${what}.`);
}
