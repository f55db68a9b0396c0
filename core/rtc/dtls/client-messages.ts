import { MillraceError } from '../../runtime/errors.ts';
import { NAMED_GROUP } from './key-agreement.ts';
import { SIGNATURE_SCHEMES } from './peer-proof.ts';
import { SRTP_PROFILES } from './srtp-keys.ts';

/** DTLS 1.2 on the wire. */
const VERSION = 0xfefd;
/** What is offered: TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 and, for peers with an RSA key, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256. */
const CIPHER_SUITES: ReadonlyMap<number, 'ec' | 'rsa'> = new Map([[0xc02b, 'ec'], [0xc02f, 'rsa']]);
/** Extension types: RFC 8422, RFC 5246, RFC 5764, RFC 7627 and RFC 5746. */
const EXTENSION = { supportedGroups: 10, ecPointFormats: 11, signatureAlgorithms: 13, useSrtp: 14, extendedMasterSecret: 23, renegotiationInfo: 0xff01 } as const;
const OFFERED: ReadonlySet<number> = new Set(Object.values(EXTENSION));
const RANDOM_BYTES = 32;
const NAMED_CURVE = 3;

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

/** The body of a Certificate message with one certificate, RFC 5246, 7.4.2. */
export function certificateMessage(der: Uint8Array): Buffer {
  const lengths = Buffer.alloc(6);
  lengths.writeUIntBE(3 + der.length, 0, 3);
  lengths.writeUIntBE(der.length, 3, 3);
  return Buffer.concat([lengths, der]);
}

/** The body of a ClientKeyExchange, RFC 8422, 5.7. */
export function clientKeyExchange(publicKey: Buffer): Buffer {
  return vector8(publicKey);
}

/** The body of a CertificateVerify by an ECDSA key, RFC 5246, 7.4.8. */
export function certificateVerify(signature: Buffer): Buffer {
  return Buffer.concat([uint16(0x0403), within16(signature)]);
}

/** The cookie of a HelloVerifyRequest, RFC 6347, 4.2.1: its version says nothing. */
export function readCookie(body: Buffer): Buffer {
  const reader = new Reader(body);
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
  const reader = new Reader(body);
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
  const extensions = new Reader(reader.isAtEnd ? Buffer.alloc(0) : reader.vector(2));
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
  const reader = new Reader(body);
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
  const reader = new Reader(data);
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

function extension(type: number, data: Buffer): Buffer {
  return Buffer.concat([uint16(type), within16(data)]);
}

function uint16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff);
}

/** Numbers of 16 bits behind the length of all. */
function vector16(...values: number[]): Buffer {
  return within16(Buffer.concat(values.map(uint16)));
}

function within16(bytes: Buffer): Buffer {
  return Buffer.concat([uint16(bytes.length), bytes]);
}

function vector8(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}

/** Takes a message's body apart; every step beyond its end throws `rtc/dtls-malformed`. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  uint(length: 1 | 2): number {
    return this.take(length).readUIntBE(0, length);
  }

  take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) {
      throw malformed();
    }
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  /** Bytes behind their length. */
  vector(lengthBytes: 1 | 2): Buffer {
    return this.take(this.uint(lengthBytes));
  }

  end(): void {
    if (!this.isAtEnd) {
      throw malformed();
    }
  }
}

function malformed(): MillraceError {
  return new MillraceError('rtc/dtls-malformed', 'A handshake message of the peer does not end where it should.');
}
