import { MillraceError } from '../../../runtime/errors.ts';

/**
 * Action Message Format 0 (Adobe AMF0 specification, 2007): what RTMP commands and FLV script data are written in.
 * Dates become their milliseconds; references, which nobody sends, become undefined. Objects have no prototype.
 */
export type AmfValue = number | boolean | string | null | undefined | AmfObject | readonly AmfValue[];

/** An object, a typed object or an ECMA array. */
export type AmfObject = { readonly [key: string]: AmfValue };

const NUMBER = 0x00;
const BOOLEAN = 0x01;
const STRING = 0x02;
const OBJECT = 0x03;
const NULL = 0x05;
const UNDEFINED = 0x06;
const REFERENCE = 0x07;
const ECMA_ARRAY = 0x08;
const OBJECT_END = 0x09;
const STRICT_ARRAY = 0x0a;
const DATE = 0x0b;
const LONG_STRING = 0x0c;
const UNSUPPORTED = 0x0d;
const XML_DOCUMENT = 0x0f;
const TYPED_OBJECT = 0x10;

/** Nesting and number of values that a message may have: some ten times what encoders send. */
const MAX_DEPTH = 8;
const MAX_VALUES = 2048;

const utf8 = { decoder: new TextDecoder(), encoder: new TextEncoder() };

/**
 * All values of a message, one after the other.
 *
 * @throws {MillraceError} `media/truncated`, or `media/malformed` for unknown markers, nesting deeper than 8 and more than 2,048 values.
 */
export function decodeAmf0(data: Uint8Array): AmfValue[] {
  const reader = new Reader(data);
  const values: AmfValue[] = [];
  while (reader.left > 0) {
    values.push(reader.value(0));
  }
  return values;
}

/** Values as AMF0. Arrays become strict arrays. */
export function encodeAmf0(...values: readonly AmfValue[]): Uint8Array {
  const out: number[] = [];
  for (const value of values) {
    encodeValue(out, value);
  }
  return Uint8Array.from(out);
}

/** An object as an ECMA array (2.10): the form in which encoders send `onMetaData`. */
export function encodeEcmaArray(object: AmfObject): Uint8Array {
  const out = [ECMA_ARRAY, ...bigEndian(Object.keys(object).length, 4)];
  encodeProperties(out, object);
  return Uint8Array.from(out);
}

/** Tells an object or an ECMA array from every other value. */
export function isAmfObject(value: AmfValue): value is AmfObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

class Reader {
  readonly #data: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #values = 0;

  constructor(data: Uint8Array) {
    this.#data = data;
    this.#view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  }

  get left(): number {
    return this.#data.length - this.#at;
  }

  value(depth: number): AmfValue {
    this.#values += 1;
    if (depth > MAX_DEPTH || this.#values > MAX_VALUES) {
      throw new MillraceError('media/malformed', depth > MAX_DEPTH ? 'AMF0 nested too deeply' : 'too many AMF0 values');
    }
    const marker = this.#data[this.#take(1)];
    switch (marker) {
      case NUMBER:
        return this.#view.getFloat64(this.#take(8));
      case BOOLEAN:
        return this.#data[this.#take(1)] !== 0;
      case STRING:
        return this.#string(this.#view.getUint16(this.#take(2)));
      case LONG_STRING:
      case XML_DOCUMENT:
        return this.#string(this.#view.getUint32(this.#take(4)));
      case NULL:
        return null;
      case UNDEFINED:
      case UNSUPPORTED:
        return undefined;
      case REFERENCE:
        this.#take(2);
        return undefined;
      case DATE: {
        const at = this.#take(10); // 8 of milliseconds, 2 of a time zone that is always 0
        return this.#view.getFloat64(at);
      }
      case STRICT_ARRAY:
        return this.#strictArray(depth);
      case TYPED_OBJECT:
        this.#string(this.#view.getUint16(this.#take(2)));
        return this.#properties(depth);
      case ECMA_ARRAY:
        this.#take(4); // associative-count: the end marker is what counts
        return this.#properties(depth);
      case OBJECT:
        return this.#properties(depth);
      default:
        throw new MillraceError('media/malformed', `unknown AMF0 marker ${marker}`);
    }
  }

  #properties(depth: number): AmfObject {
    const object = Object.create(null) as Record<string, AmfValue>;
    // Some encoders leave the end marker out where the message ends with the object.
    while (this.left > 0) {
      const key = this.#string(this.#view.getUint16(this.#take(2)));
      if (key === '' && (this.left === 0 || this.#data[this.#at] === OBJECT_END)) {
        this.#at += Math.min(1, this.left);
        break;
      }
      object[key] = this.value(depth + 1);
    }
    return object;
  }

  #strictArray(depth: number): AmfValue[] {
    const count = this.#view.getUint32(this.#take(4));
    const values: AmfValue[] = [];
    for (let i = 0; i < count; i += 1) {
      values.push(this.value(depth + 1));
    }
    return values;
  }

  #string(length: number): string {
    const at = this.#take(length);
    return utf8.decoder.decode(this.#data.subarray(at, at + length));
  }

  #take(length: number): number {
    const at = this.#at;
    if (length > this.left) {
      throw new MillraceError('media/truncated', 'AMF0 value past the end');
    }
    this.#at += length;
    return at;
  }
}

function encodeValue(out: number[], value: AmfValue): void {
  if (value === null) {
    out.push(NULL);
  } else if (value === undefined) {
    out.push(UNDEFINED);
  } else if (typeof value === 'number') {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, value);
    out.push(NUMBER, ...bytes);
  } else if (typeof value === 'boolean') {
    out.push(BOOLEAN, value ? 1 : 0);
  } else if (typeof value === 'string') {
    const bytes = utf8.encoder.encode(value);
    // Lengths count bytes, not characters.
    out.push(...(bytes.length > 0xffff ? [LONG_STRING, ...bigEndian(bytes.length, 4)] : [STRING, ...bigEndian(bytes.length, 2)]), ...bytes);
  } else if (isAmfObject(value)) {
    out.push(OBJECT);
    encodeProperties(out, value);
  } else {
    out.push(STRICT_ARRAY, ...bigEndian(value.length, 4));
    value.forEach((one) => encodeValue(out, one));
  }
}

function encodeProperties(out: number[], object: AmfObject): void {
  for (const [key, value] of Object.entries(object)) {
    const bytes = utf8.encoder.encode(key);
    out.push(...bigEndian(bytes.length, 2), ...bytes);
    encodeValue(out, value);
  }
  out.push(0, 0, OBJECT_END);
}

function bigEndian(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => Math.floor(value / 2 ** (8 * (bytes - 1 - i))) % 256);
}
