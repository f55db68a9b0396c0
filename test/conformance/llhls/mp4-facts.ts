/**
 * A reader of fragmented MP4 that shares nothing with the product's own, so that one mistake is not made twice. Reads
 * one track per file, as CMAF has it (ISO/IEC 23000-19, 7.3).
 */

/** What an init segment says. */
export type InitFacts = {
  readonly kind: 'video' | 'audio';
  /** RFC 6381. */
  readonly codec: string;
  readonly timescale: number;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly sampleRate: number;
  /** Defaults of `trex`. */
  readonly defaults: SampleDefaults;
};

type SampleDefaults = { readonly duration: number; readonly size: number; readonly flags: number };

/** One sample. Times are in the track's timescale. */
export type SampleFacts = {
  readonly dts: number;
  readonly pts: number;
  readonly duration: number;
  /** What the flags claim. */
  readonly sync: boolean;
  /** H.264: what the NAL units are. Undefined for sound. */
  readonly idr: boolean | undefined;
};

type Box = { readonly type: string; readonly view: DataView };

/** Reads an init segment. Throws an Error where it is none. */
export function initFacts(bytes: Uint8Array): InitFacts {
  const moov = child(boxes(viewOf(bytes)), 'moov');
  const traks = boxes(moov).filter(({ type }) => type === 'trak');
  const [trak] = traks;
  if (trak === undefined || traks.length !== 1) {
    throw new Error(`moov has ${traks.length} tracks instead of one`);
  }
  const mdia = child(boxes(trak.view), 'mdia');
  const mdhd = child(boxes(mdia), 'mdhd');
  const timescale = mdhd.getUint8(0) === 1 ? mdhd.getUint32(20) : mdhd.getUint32(12);
  const stsd = path(mdia, ['minf', 'stbl', 'stsd']);
  const entry = boxes(slice(stsd, 8))[0];
  const trex = path(moov, ['mvex', 'trex']);
  const defaults = { duration: trex.getUint32(12), size: trex.getUint32(16), flags: trex.getUint32(20) };
  const none = { width: 0, height: 0, channels: 0, sampleRate: 0 };
  if (entry?.type === 'avc1' || entry?.type === 'avc3') {
    const avcc = child(boxes(slice(entry.view, 78)), 'avcC');
    const profile = [1, 2, 3].map((at) => avcc.getUint8(at).toString(16).padStart(2, '0')).join('');
    return { ...none, kind: 'video', codec: `${entry.type}.${profile}`, timescale, defaults, width: entry.view.getUint16(24), height: entry.view.getUint16(26) };
  }
  if (entry?.type === 'mp4a') {
    const objectType = audioObjectType(child(boxes(slice(entry.view, 28)), 'esds'));
    return { ...none, kind: 'audio', codec: `mp4a.40.${objectType}`, timescale, defaults, channels: entry.view.getUint16(16), sampleRate: entry.view.getUint16(24) };
  }
  throw new Error(`sample entry ${entry?.type ?? 'missing'} is not known here`);
}

/** Reads the samples of chunks. Throws an Error where they are not whole. */
export function sampleFacts(bytes: Uint8Array, init: InitFacts): SampleFacts[] {
  const all = viewOf(bytes);
  const samples: SampleFacts[] = [];
  let offset = 0;
  for (const { type, view } of boxes(all)) {
    if (type === 'moof') {
      samples.push(...fragment(all, offset, view, init));
    }
    offset += view.byteLength + 8;
  }
  return samples;
}

function fragment(all: DataView, moofStart: number, moof: DataView, init: InitFacts): SampleFacts[] {
  const traf = child(boxes(moof), 'traf');
  const tfhd = header(child(boxes(traf), 'tfhd'));
  let at = 8;
  const optional = (flag: number, size: number): number | undefined => {
    if ((tfhd.flags & flag) === 0) {
      return undefined;
    }
    at += size;
    return tfhd.view.getUint32(at - 4);
  };
  if (optional(0x1, 8) !== undefined) {
    throw new Error('tfhd has a base data offset, which CMAF forbids');
  }
  optional(0x2, 4);
  const defaults: SampleDefaults = {
    duration: optional(0x8, 4) ?? init.defaults.duration,
    size: optional(0x10, 4) ?? init.defaults.size,
    flags: optional(0x20, 4) ?? init.defaults.flags,
  };
  const tfdt = header(child(boxes(traf), 'tfdt'));
  const start = tfdt.version === 1 ? Number(tfdt.view.getBigUint64(4)) : tfdt.view.getUint32(4);
  return run(all, moofStart, header(child(boxes(traf), 'trun')), start, defaults, init);
}

function run(all: DataView, moofStart: number, trun: ReturnType<typeof header>, start: number, defaults: SampleDefaults, init: InitFacts): SampleFacts[] {
  const count = trun.view.getUint32(4);
  let at = 8;
  const next = (flag: number, otherwise: number): number => {
    if ((trun.flags & flag) === 0) {
      return otherwise;
    }
    at += 4;
    return trun.view.getUint32(at - 4);
  };
  let data = moofStart + next(0x1, 0);
  const firstFlags = next(0x4, -1);
  let dts = start;
  return Array.from({ length: count }, (_, index): SampleFacts => {
    const duration = next(0x100, defaults.duration);
    const size = next(0x200, defaults.size);
    const flags = next(0x400, index === 0 && firstFlags !== -1 ? firstFlags : defaults.flags);
    const offset = next(0x800, 0);
    const sample = new DataView(all.buffer, all.byteOffset + data, size);
    const facts = { dts, pts: dts + (trun.version === 0 ? offset : offset | 0), duration, sync: (flags & 0x10000) === 0, idr: init.kind === 'video' ? holdsIdr(sample) : undefined };
    dts += duration;
    data += size;
    return facts;
  });
}

/** Looks for a NAL unit of type 5 (ISO/IEC 14496-10, table 7-1), after 4-byte lengths. */
function holdsIdr(sample: DataView): boolean {
  let idr = false;
  for (let at = 0; at < sample.byteLength; ) {
    const size = sample.getUint32(at);
    if (size === 0 || at + 4 + size > sample.byteLength) {
      throw new Error(`a NAL unit of ${size} bytes does not fit its sample`);
    }
    idr ||= (sample.getUint8(at + 4) & 0x1f) === 5;
    at += 4 + size;
  }
  return idr;
}

/** The audio object type in `esds` (ISO/IEC 14496-1, 7.2.6; 14496-3, 1.6.2.1). */
function audioObjectType(esds: DataView): number {
  let at = 4;
  const descriptor = (tag: number, skip: number): void => {
    if (esds.getUint8(at) !== tag) {
      throw new Error(`esds has descriptor ${esds.getUint8(at)} where ${tag} belongs`);
    }
    at += 1;
    while ((esds.getUint8(at) & 0x80) !== 0) {
      at += 1;
    }
    at += 1 + skip;
  };
  descriptor(3, 3);
  descriptor(4, 13);
  descriptor(5, 0);
  const short = esds.getUint8(at) >> 3;
  return short === 31 ? 32 + (((esds.getUint8(at) & 0x7) << 3) | (esds.getUint8(at + 1) >> 5)) : short;
}

function boxes(view: DataView): Box[] {
  const found: Box[] = [];
  for (let at = 0; at < view.byteLength; ) {
    const size = view.byteLength - at < 8 ? 0 : view.getUint32(at);
    if (size < 8 || at + size > view.byteLength) {
      throw new Error(`a box at byte ${at} does not fit`);
    }
    const type = [4, 5, 6, 7].map((offset) => String.fromCharCode(view.getUint8(at + offset))).join('');
    found.push({ type, view: new DataView(view.buffer, view.byteOffset + at + 8, size - 8) });
    at += size;
  }
  return found;
}

function child(row: readonly Box[], type: string): DataView {
  const found = row.find((box) => box.type === type);
  if (found === undefined) {
    throw new Error(`there is no box ${type}`);
  }
  return found.view;
}

function path(view: DataView, types: readonly string[]): DataView {
  return types.reduce((inside, type) => child(boxes(inside), type), view);
}

function header(view: DataView): { readonly version: number; readonly flags: number; readonly view: DataView } {
  return { version: view.getUint8(0), flags: view.getUint32(0) & 0xff_ffff, view };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function slice(view: DataView, from: number): DataView {
  return new DataView(view.buffer, view.byteOffset + from, view.byteLength - from);
}
