import { MillraceError } from '../../runtime/errors.ts';

/** DTLS 1.2 on the wire. */
export const VERSION = 0xfefd;
/** Extension types: RFC 8422, RFC 5246, RFC 5764, RFC 7627 and RFC 5746. */
export const EXTENSION = { supportedGroups: 10, ecPointFormats: 11, signatureAlgorithms: 13, useSrtp: 14, extendedMasterSecret: 23, renegotiationInfo: 0xff01 } as const;
/** Bytes of a hello's random. */
export const RANDOM_BYTES = 32;
/** ECCurveType `named_curve`, RFC 8422, 5.4. */
export const NAMED_CURVE = 3;

/** The scheme of our own signatures, RFC 8446, 4.2.3. */
export const ECDSA_SECP256R1_SHA256 = 0x0403;

/** The body of a Certificate message with one certificate, RFC 5246, 7.4.2. */
export function certificateMessage(der: Uint8Array): Buffer {
  const lengths = Buffer.alloc(6);
  lengths.writeUIntBE(3 + der.length, 0, 3);
  lengths.writeUIntBE(der.length, 3, 3);
  return Buffer.concat([lengths, der]);
}

/** A signature by our ECDSA key with its scheme and length, as ServerKeyExchange and CertificateVerify carry it. */
export function digitallySigned(signature: Buffer): Buffer {
  return Buffer.concat([uint16(ECDSA_SECP256R1_SHA256), within16(signature)]);
}

/** An extension of a hello, RFC 5246, 7.4.1.4. */
export function extension(type: number, data: Buffer): Buffer {
  return Buffer.concat([uint16(type), within16(data)]);
}

/** A number of 16 bits. */
export function uint16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff);
}

/** Numbers of 16 bits behind the length of all. */
export function vector16(...values: number[]): Buffer {
  return within16(Buffer.concat(values.map(uint16)));
}

/** Bytes behind their length of 16 bits. */
export function within16(bytes: Buffer): Buffer {
  return Buffer.concat([uint16(bytes.length), bytes]);
}

/** Bytes behind their length of 8 bits. */
export function vector8(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}

/** Takes a message's body apart; every step beyond its end throws `rtc/dtls-malformed`. */
export class MessageReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Whether everything was taken. */
  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** A number. */
  uint(length: 1 | 2): number {
    return this.take(length).readUIntBE(0, length);
  }

  /** The next bytes. A view. */
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

  /** Demands that nothing is left. */
  end(): void {
    if (!this.isAtEnd) {
      throw malformed();
    }
  }
}

function malformed(): MillraceError {
  return new MillraceError('rtc/dtls-malformed', 'A handshake message of the peer does not end where it should.');
}
