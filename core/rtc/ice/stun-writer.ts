import { ATTRIBUTE, fingerprintOf, HEADER_BYTES, integrityOf, MAGIC_COOKIE } from './stun-message.ts';
import { addressBytes, addressText } from '../ports/address.ts';

const BINDING_REQUEST = 0x0001;
const BINDING_SUCCESS = 0x0101;
const BINDING_ERROR = 0x0111;
const FAMILY_IPV4 = 1;
const FAMILY_IPV6 = 2;

/** Bytes of an error response without password and reason: header, ERROR-CODE, FINGERPRINT. */
export const BARE_ERROR_BYTES = HEADER_BYTES + 8 + 8;

/** What a check says of itself, RFC 8445, 7.1. */
export type BindingRequest = {
  /** 12 bytes. */
  readonly transaction: Buffer;
  /** `<remote ufrag>:<local ufrag>`. */
  readonly username: string;
  /** The remote password. */
  readonly password: string;
  readonly priority: number;
  readonly role: 'controlling' | 'controlled';
  /** 8 bytes. */
  readonly tieBreaker: Buffer;
  readonly useCandidate?: boolean;
  /** Leaves out PRIORITY and role. */
  readonly isBare?: boolean;
};

/** A Binding success response with the source's address (XOR-MAPPED-ADDRESS), MESSAGE-INTEGRITY and FINGERPRINT. */
export function writeBindingSuccess(transaction: Buffer, source: { readonly address: string; readonly port: number }, password: string): Buffer {
  return seal(BINDING_SUCCESS, transaction, [attribute(ATTRIBUTE.xorMappedAddress, xorAddress(source, transaction))], password);
}

/**
 * A Binding error response, RFC 8489, 14.8. Without a password it carries no MESSAGE-INTEGRITY: for requests that were not
 * verified.
 */
export function writeBindingError(transaction: Buffer, code: number, options: { readonly password?: string; readonly unknown?: readonly number[] } = {}): Buffer {
  const attributes = [attribute(ATTRIBUTE.errorCode, Buffer.from([0, 0, Math.floor(code / 100), code % 100]))];
  if (options.unknown !== undefined) {
    const list = Buffer.alloc(options.unknown.length * 2);
    options.unknown.forEach((type, at) => list.writeUInt16BE(type, at * 2));
    attributes.push(attribute(ATTRIBUTE.unknownAttributes, list));
  }
  return seal(BINDING_ERROR, transaction, attributes, options.password);
}

/** A connectivity check. */
export function writeBindingRequest(request: BindingRequest): Buffer {
  const priority = Buffer.alloc(4);
  priority.writeUInt32BE(request.priority);
  const attributes = [attribute(ATTRIBUTE.username, Buffer.from(request.username))];
  if (request.isBare !== true) {
    attributes.push(attribute(ATTRIBUTE.priority, priority), attribute(request.role === 'controlling' ? ATTRIBUTE.iceControlling : ATTRIBUTE.iceControlled, request.tieBreaker));
  }
  if (request.useCandidate === true) {
    attributes.push(attribute(ATTRIBUTE.useCandidate, Buffer.alloc(0)));
  }
  return seal(BINDING_REQUEST, request.transaction, attributes, request.password);
}

/** Takes the mask off the value of an XOR-MAPPED-ADDRESS, RFC 8489, 14.2; undefined where it is malformed. */
export function readXorAddress(value: Buffer, transaction: Buffer): { readonly address: string; readonly port: number } | undefined {
  const length = value.length - 4;
  if (value[1] !== (length === 4 ? FAMILY_IPV4 : FAMILY_IPV6) || (length !== 4 && length !== 16)) {
    return undefined;
  }
  return { address: addressText(masked(value.subarray(4), transaction)), port: value.readUInt16BE(2) ^ (MAGIC_COOKIE >>> 16) };
}

function xorAddress({ address, port }: { readonly address: string; readonly port: number }, transaction: Buffer): Buffer {
  const bytes = addressBytes(address) ?? new Uint8Array(4);
  const value = Buffer.alloc(4 + bytes.length);
  value[1] = bytes.length === 4 ? FAMILY_IPV4 : FAMILY_IPV6;
  value.writeUInt16BE(port ^ (MAGIC_COOKIE >>> 16), 2);
  value.set(masked(bytes, transaction), 4);
  return value;
}

/** The address XORed with the magic cookie and, beyond its four bytes, the transaction id. */
function masked(bytes: Uint8Array, transaction: Buffer): Uint8Array {
  const mask = Buffer.alloc(16);
  mask.writeUInt32BE(MAGIC_COOKIE);
  mask.set(transaction, 4);
  return bytes.map((byte, at) => byte ^ mask[at]!);
}

function attribute(type: number, value: Uint8Array): Buffer {
  const bytes = Buffer.alloc(4 + ((value.length + 3) & ~3));
  bytes.writeUInt16BE(type, 0);
  bytes.writeUInt16BE(value.length, 2);
  bytes.set(value, 4);
  return bytes;
}

function seal(type: number, transaction: Buffer, attributes: readonly Buffer[], password: string | undefined): Buffer {
  const integrity = password === undefined ? 0 : 24;
  const body = attributes.reduce((sum, { length }) => sum + length, 0);
  const bytes = Buffer.alloc(HEADER_BYTES + body + integrity + 8);
  bytes.writeUInt16BE(type, 0);
  bytes.writeUInt16BE(bytes.length - HEADER_BYTES, 2);
  bytes.writeUInt32BE(MAGIC_COOKIE, 4);
  bytes.set(transaction, 8);
  let at = HEADER_BYTES;
  for (const part of attributes) {
    bytes.set(part, at);
    at += part.length;
  }
  if (password !== undefined) {
    bytes.writeUInt16BE(ATTRIBUTE.messageIntegrity, at);
    bytes.writeUInt16BE(20, at + 2);
    bytes.set(integrityOf(bytes, at, password), at + 4);
    at += 24;
  }
  bytes.writeUInt16BE(ATTRIBUTE.fingerprint, at);
  bytes.writeUInt16BE(4, at + 2);
  bytes.writeUInt32BE(fingerprintOf(bytes, at), at + 4);
  return bytes;
}
