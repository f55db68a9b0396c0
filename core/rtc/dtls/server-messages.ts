import { MillraceError } from '../../runtime/errors.ts';
import { NAMED_GROUP } from './key-agreement.ts';
import { ECDSA_SECP256R1_SHA256, EXTENSION, extension, MessageReader, NAMED_CURVE, RANDOM_BYTES, uint16, vector16, vector8, VERSION, within16 } from './message-bytes.ts';
import { SIGNATURE_SCHEMES } from './peer-proof.ts';
import { SRTP_PROFILES } from './srtp-keys.ts';

/** TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: the one suite for our certificate. */
const CIPHER_SUITE = 0xc02b;
/** "Empty renegotiation info" as a cipher suite, RFC 5746, 3.3. */
const RENEGOTIATION_SCSV = 0x00ff;
/** ClientCertificateType `rsa_sign` and `ecdsa_sign`, RFC 8422, 5.5. */
const CERTIFICATE_TYPES = Buffer.of(1, 64);

/** What is taken of a ClientHello. */
export type ClientHello = {
  readonly random: Buffer;
  readonly cookie: Buffer;
  readonly group: number;
  /** Number of the SRTP protection profile that both like best; undefined where there is none. */
  readonly srtpProfile: number | undefined;
  readonly extendedMasterSecret: boolean;
  readonly renegotiationInfo: boolean;
};

/**
 * Reads a ClientHello, RFC 6347, 4.2.1.
 *
 * @throws {MillraceError} `rtc/dtls-malformed`, and `rtc/dtls-choice` where it offers nothing that is spoken here.
 */
export function readClientHello(body: Buffer): ClientHello {
  const reader = new MessageReader(body);
  reader.take(2);
  const random = reader.take(RANDOM_BYTES);
  reader.vector(1);
  const cookie = reader.vector(1);
  const suites = numbers(reader.vector(2));
  const compressions = reader.vector(1);
  const extensions = readExtensions(reader);
  const offered = (type: number): number[] => {
    const data = extensions.get(type);
    return data === undefined ? [] : numbers(new MessageReader(data).vector(2));
  };
  // "The client's order of preference", RFC 8422, 5.1.1.
  const group = offered(EXTENSION.supportedGroups).find((one) => one === NAMED_GROUP.x25519 || one === NAMED_GROUP.secp256r1);
  if (!suites.includes(CIPHER_SUITE) || !compressions.includes(0) || group === undefined || !offered(EXTENSION.signatureAlgorithms).includes(ECDSA_SECP256R1_SHA256)) {
    throw new MillraceError('rtc/dtls-choice', 'The peer offers no cipher suite, group and signature that are spoken here.');
  }
  const profiles = offered(EXTENSION.useSrtp);
  return {
    random,
    cookie,
    group,
    srtpProfile: SRTP_PROFILES.find(({ number }) => profiles.includes(number))?.number,
    extendedMasterSecret: extensions.has(EXTENSION.extendedMasterSecret),
    renegotiationInfo: extensions.has(EXTENSION.renegotiationInfo) || suites.includes(RENEGOTIATION_SCSV),
  };
}

/** The body of a HelloVerifyRequest, RFC 6347, 4.2.1. */
export function helloVerifyRequest(cookie: Buffer): Buffer {
  return Buffer.concat([uint16(VERSION), vector8(cookie)]);
}

/** The body of a ServerHello, RFC 5246, 7.4.1.3, with those extensions that were asked for. */
export function serverHello(random: Buffer, { srtpProfile, extendedMasterSecret, renegotiationInfo }: ClientHello): Buffer {
  return Buffer.concat([
    uint16(VERSION),
    random,
    vector8(Buffer.alloc(0)),
    uint16(CIPHER_SUITE),
    Buffer.alloc(1),
    within16(
      Buffer.concat([
        ...(srtpProfile === undefined ? [] : [extension(EXTENSION.useSrtp, Buffer.concat([vector16(srtpProfile), vector8(Buffer.alloc(0))]))]),
        ...(extendedMasterSecret ? [extension(EXTENSION.extendedMasterSecret, Buffer.alloc(0))] : []),
        ...(renegotiationInfo ? [extension(EXTENSION.renegotiationInfo, vector8(Buffer.alloc(0)))] : []),
      ]),
    ),
  ]);
}

/** What a ServerKeyExchange says, and its signature stands for behind both randoms, RFC 8422, 5.4. */
export function keyParameters(group: number, publicKey: Buffer): Buffer {
  return Buffer.concat([Buffer.of(NAMED_CURVE), uint16(group), vector8(publicKey)]);
}

/** The body of a CertificateRequest, RFC 5246, 7.4.4: of any authority, as nothing but the fingerprint counts. */
export function certificateRequest(): Buffer {
  return Buffer.concat([vector8(CERTIFICATE_TYPES), vector16(...SIGNATURE_SCHEMES.keys()), uint16(0)]);
}

/**
 * The client's public key of a ClientKeyExchange, RFC 8422, 5.7.
 *
 * @throws {MillraceError} `rtc/dtls-malformed`.
 */
export function readClientKeyExchange(body: Buffer): Buffer {
  const reader = new MessageReader(body);
  const publicKey = reader.vector(1);
  reader.end();
  return publicKey;
}

function readExtensions(reader: MessageReader): ReadonlyMap<number, Buffer> {
  const extensions = new Map<number, Buffer>();
  const all = new MessageReader(reader.isAtEnd ? Buffer.alloc(0) : reader.vector(2));
  reader.end();
  while (!all.isAtEnd) {
    extensions.set(all.uint(2), all.vector(2));
  }
  return extensions;
}

function numbers(bytes: Buffer): number[] {
  return Array.from({ length: bytes.length >> 1 }, (_, at) => bytes.readUInt16BE(2 * at));
}
