import { createHmac, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** Value of the second word of every message, RFC 8489, 5. */
export const MAGIC_COOKIE = 0x2112a442;

/** Bytes of the header: type, length, magic cookie, transaction id. */
export const HEADER_BYTES = 20;

/** Attribute types that ICE uses, RFC 8489, 18.3 and RFC 8445, 16.1. Those below 0x8000 must be understood. */
export const ATTRIBUTE = {
  username: 0x0006,
  messageIntegrity: 0x0008,
  errorCode: 0x0009,
  unknownAttributes: 0x000a,
  xorMappedAddress: 0x0020,
  priority: 0x0024,
  useCandidate: 0x0025,
  fingerprint: 0x8028,
  iceControlled: 0x8029,
  iceControlling: 0x802a,
} as const;

/** Comprehension-required attributes that are understood, or may stand in a Binding message and mean nothing to us (MAPPED-ADDRESS, MESSAGE-INTEGRITY-SHA256). */
const UNDERSTOOD: ReadonlySet<number> = new Set([0x0001, 0x0006, 0x0008, 0x0009, 0x000a, 0x001c, 0x0020, 0x0024, 0x0025]);

const BINDING = 0x001;
const CLASSES = ['request', 'indication', 'success', 'error'] as const;
const FINGERPRINT_XOR = 0x5354554e;
const INTEGRITY_BYTES = 20;
/** Longest USERNAME: RFC 8489 allows 508 bytes. */
const MAX_USERNAME_BYTES = 508;

/** A Binding message of which nothing is believed yet but its form. Views of the datagram. */
export type StunMessage = {
  readonly class: (typeof CLASSES)[number];
  /** The 12 bytes of the transaction id. */
  readonly transaction: Buffer;
  readonly username: string | undefined;
  readonly priority: number;
  readonly useCandidate: boolean;
  readonly controlled: boolean;
  readonly controlling: boolean;
  readonly errorCode: number | undefined;
  /** XOR-MAPPED-ADDRESS as it stands, still masked. */
  readonly mapped: Buffer | undefined;
  /** Comprehension-required attributes that nobody here understands. At most 8 are told. */
  readonly unknown: readonly number[];
  /** Where MESSAGE-INTEGRITY begins; 0 where there is none. */
  readonly integrityAt: number;
  readonly bytes: Buffer;
};

/**
 * Reads a STUN Binding message, RFC 8489, 5 and 14, and checks its FINGERPRINT, which ICE demands (RFC 8445, 7.1 and 7.2).
 *
 * ```
 * |0 0| type (14) |         length (16)           |   length: of the attributes, a multiple of 4
 * |              magic cookie (32)                |
 * |             transaction id (96)               |
 * | attribute type (16) | value length (16) | value, padded to 4 | ...
 * ```
 *
 * @returns undefined for anything else, whatever it is.
 */
export function parseStun(bytes: Buffer): StunMessage | undefined {
  if (bytes.length < HEADER_BYTES + 8 || bytes.readUInt32BE(4) !== MAGIC_COOKIE || bytes.readUInt16BE(2) !== bytes.length - HEADER_BYTES) {
    return undefined;
  }
  const type = bytes.readUInt16BE(0);
  // M11..M7 C1 M6..M4 C0 M3..M0
  const method = ((type & 0x3e00) >> 2) | ((type & 0x00e0) >> 1) | (type & 0x000f);
  if ((type & 0xc000) !== 0 || method !== BINDING || bytes.length % 4 !== 0 || !hasFingerprint(bytes)) {
    return undefined;
  }
  return readAttributes(bytes, CLASSES[((type & 0x0100) >> 7) | ((type & 0x0010) >> 4)]!);
}

/** Whether MESSAGE-INTEGRITY was made with this password. In constant time; false where there is none. */
export function verifyIntegrity(message: StunMessage, password: string): boolean {
  const { bytes, integrityAt } = message;
  if (integrityAt === 0) {
    return false;
  }
  const value = integrityAt + 4;
  return timingSafeEqual(bytes.subarray(value, value + INTEGRITY_BYTES), integrityOf(bytes, integrityAt, password));
}

/** HMAC-SHA1 over the message up to `end`, with a length that ends behind MESSAGE-INTEGRITY, RFC 8489, 14.5. */
export function integrityOf(bytes: Buffer, end: number, password: string): Buffer {
  const header = Buffer.from(bytes.subarray(0, 4));
  header.writeUInt16BE(end + 4 + INTEGRITY_BYTES - HEADER_BYTES, 2);
  return createHmac('sha1', password).update(header).update(bytes.subarray(4, end)).digest();
}

/** The value of FINGERPRINT for a message that ends at `end` without it, RFC 8489, 14.7. Its length field already counts the attribute. */
export function fingerprintOf(bytes: Buffer, end: number): number {
  return (crc32(bytes.subarray(0, end)) ^ FINGERPRINT_XOR) >>> 0;
}

/** "The FINGERPRINT attribute MUST be the last attribute in the message." */
function hasFingerprint(bytes: Buffer): boolean {
  const at = bytes.length - 8;
  return bytes.readUInt32BE(at) === ((ATTRIBUTE.fingerprint << 16) | 4) >>> 0 && bytes.readUInt32BE(at + 4) === fingerprintOf(bytes, at);
}

function readAttributes(bytes: Buffer, messageClass: StunMessage['class']): StunMessage | undefined {
  let username: string | undefined;
  let priority = 0;
  let useCandidate = false;
  let controlled = false;
  let controlling = false;
  let errorCode: number | undefined;
  let mapped: Buffer | undefined;
  let integrityAt = 0;
  const unknown: number[] = [];
  const end = bytes.length - 8;
  for (let at = HEADER_BYTES; at < end; ) {
    const type = bytes.readUInt16BE(at);
    const length = bytes.readUInt16BE(at + 2);
    const value = at + 4;
    const next = value + ((length + 3) & ~3);
    if (next > end) {
      return undefined;
    }
    // What stands behind MESSAGE-INTEGRITY is not covered by it: "MUST be ignored".
    if (integrityAt === 0) {
      switch (type) {
        case ATTRIBUTE.username:
          if (length > MAX_USERNAME_BYTES) {
            return undefined;
          }
          username ??= bytes.toString('latin1', value, value + length);
          break;
        case ATTRIBUTE.messageIntegrity:
          if (length !== INTEGRITY_BYTES) {
            return undefined;
          }
          integrityAt = at;
          break;
        case ATTRIBUTE.priority:
          priority = length === 4 ? bytes.readUInt32BE(value) : 0;
          break;
        case ATTRIBUTE.useCandidate:
          useCandidate = true;
          break;
        case ATTRIBUTE.iceControlled:
          controlled = true;
          break;
        case ATTRIBUTE.iceControlling:
          controlling = true;
          break;
        case ATTRIBUTE.errorCode:
          errorCode = length >= 4 ? (bytes[value + 2]! & 7) * 100 + bytes[value + 3]! : undefined;
          break;
        case ATTRIBUTE.xorMappedAddress:
          mapped ??= bytes.subarray(value, value + length);
          break;
        default:
          if (type < 0x8000 && !UNDERSTOOD.has(type) && unknown.length < 8) {
            unknown.push(type);
          }
      }
    }
    at = next;
  }
  return { class: messageClass, transaction: bytes.subarray(8, HEADER_BYTES), username, priority, useCandidate, controlled, controlling, errorCode, mapped, unknown, integrityAt, bytes };
}
