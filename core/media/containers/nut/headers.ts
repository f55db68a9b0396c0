import { MillraceError } from '../../../runtime/errors.ts';
import { timescale, type Timescale } from '../../time.ts';
import { NutReader } from './reader.ts';
import { FLAG_INVALID, NUT_PIPE, STARTCODE_BYTE, type FrameCode } from './syntax.ts';

/** A time base: `num / den` seconds. */
export type NutTimeBase = { readonly num: number; readonly den: number };

/** The main header, taken apart. */
export type NutMain = {
  readonly streams: number;
  readonly timeBases: readonly NutTimeBase[];
  /** What each first byte of a frame stands for. */
  readonly codes: readonly FrameCode[];
  /** Bytes that frames leave out at their start, by index; index 0 is empty. */
  readonly elided: readonly Uint8Array[];
  readonly pipe: boolean;
};

/** A stream of a NUT file. */
export type NutStream = {
  readonly id: number;
  readonly kind: 'video' | 'audio' | 'other';
  readonly fourcc: string;
  readonly description: Uint8Array;
  /** Ticks per second of the packets' pts. */
  readonly timescale: Timescale;
  readonly msbPtsShift: number;
  readonly decodeDelay: number;
  /** Video: size in pixels; audio and others: 0. */
  readonly width: number;
  readonly height: number;
  /** Audio: samples per second and channels; others: 0. */
  readonly sampleRate: number;
  readonly channels: number;
};

const MAX_STREAMS = 256;

/** Parses a main header's fields. @throws {MillraceError} `media/malformed`. */
export function parseMain(fields: Uint8Array): NutMain {
  const reader = new NutReader(fields);
  const version = reader.v();
  if (version < 2 || version > 4) {
    throw new MillraceError('media/malformed', `NUT version ${version} is not known`);
  }
  if (version > 3) {
    reader.v();
  }
  const streams = bounded(reader.v(), 1, MAX_STREAMS, 'stream count');
  reader.v();
  const timeBases = Array.from({ length: bounded(reader.v(), 1, MAX_STREAMS, 'time base count') }, () => ({
    num: bounded(reader.v(), 1, 2 ** 31, 'time base'),
    den: bounded(reader.v(), 1, 2 ** 31, 'time base'),
  }));
  const codes = parseFrameCodes(reader, streams);
  const elided: Uint8Array[] = [new Uint8Array()];
  if (reader.at < fields.length) {
    for (let left = bounded(reader.v(), 0, 127, 'header count'); left > 0; left -= 1) {
      elided.push(reader.vb());
    }
  }
  const flags = version > 3 && reader.at < fields.length ? reader.v() : 0;
  return { streams, timeBases, codes, elided, pipe: (flags & NUT_PIPE) !== 0 };
}

/** Parses a stream header's fields. @throws {MillraceError} `media/malformed`, also where a tick is not a whole part of a second. */
export function parseStream(fields: Uint8Array, main: NutMain): NutStream {
  const reader = new NutReader(fields);
  const id = bounded(reader.v(), 0, main.streams - 1, 'stream id');
  const streamClass = reader.v();
  const kind = streamClass === 0 ? 'video' : streamClass === 1 ? 'audio' : 'other';
  const fourcc = String.fromCharCode(...reader.vb());
  const base = main.timeBases[reader.v()];
  if (base === undefined || base.den % base.num !== 0) {
    throw new MillraceError('media/malformed', 'NUT stream without a time base that divides a second');
  }
  const msbPtsShift = bounded(reader.v(), 0, 15, 'msb_pts_shift');
  reader.v();
  const decodeDelay = reader.v();
  reader.v();
  const description = reader.vb().slice();
  const [first, second, third] = kind === 'other' ? [0, 0, 0] : [reader.v(), reader.v(), reader.v()];
  return {
    id,
    kind,
    fourcc,
    description,
    timescale: timescale(base.den / base.num),
    msbPtsShift,
    decodeDelay,
    width: kind === 'video' ? first : 0,
    height: kind === 'video' ? second : 0,
    sampleRate: kind === 'audio' ? Math.round(first / Math.max(1, second)) : 0,
    channels: kind === 'audio' ? third : 0,
  };
}

/**
 * The table that a frame's first byte leads into, run-length coded: each run may change any of its predecessor's values.
 */
function parseFrameCodes(reader: NutReader, streams: number): FrameCode[] {
  const invalid: FrameCode = { flags: FLAG_INVALID, ptsDelta: 0, sizeMul: 1, sizeLsb: 0, stream: 0, reserved: 0, headerIndex: 0 };
  const codes = Array.from({ length: 256 }, () => invalid);
  let [ptsDelta, sizeMul, stream, headerIndex] = [0, 1, 0, 0];
  for (let at = 0; at < 256; ) {
    const flags = reader.v();
    const fields = reader.v();
    ptsDelta = fields > 0 ? reader.s() : ptsDelta;
    sizeMul = fields > 1 ? reader.v() : sizeMul;
    stream = fields > 2 ? bounded(reader.v(), 0, streams - 1, 'stream of a frame code') : stream;
    const sizeLsb = fields > 3 ? reader.v() : 0;
    const reserved = fields > 4 ? reader.v() : 0;
    const run = fields > 5 ? reader.v() : sizeMul - sizeLsb;
    if (fields > 6) {
      reader.s();
    }
    headerIndex = fields > 7 ? reader.v() : headerIndex;
    for (let extra = fields; extra > 8; extra -= 1) {
      reader.v();
    }
    bounded(run, 1, 256 - (at <= STARTCODE_BYTE ? 1 : 0) - at, 'count of a frame code');
    for (let n = 0; n < run; at += 1) {
      if (at !== STARTCODE_BYTE) {
        codes[at] = { flags, ptsDelta, sizeMul, sizeLsb: sizeLsb + n, stream, reserved, headerIndex };
        n += 1;
      }
    }
    if (at === STARTCODE_BYTE) {
      // The last run may have ended right before `N`, which no run counts.
      at += 1;
    }
  }
  return codes;
}

function bounded(value: number, low: number, high: number, what: string): number {
  if (value < low || value > high) {
    throw new MillraceError('media/malformed', `NUT ${what} is ${value}, not within ${low} to ${high}`);
  }
  return value;
}
