import { MillraceError } from '../../../runtime/errors.ts';
import type { Ticks, WallTime } from '../../time.ts';
import { readEmsg, type EventMessage } from './emsg.ts';
import { fromNtpTime } from './ntp.ts';
import { findBox, readBoxes, requireBox, type Box } from './read-boxes.ts';

/** A chunk that was read: `moof` with its `mdat`, and the `prft` and the `emsg` boxes before them. */
export type ReadChunk = {
  readonly sequence: number;
  readonly baseMediaDecodeTime: Ticks;
  readonly samples: readonly ReadSample[];
  readonly producerReference?: { readonly wallTime: WallTime; readonly pts: Ticks; readonly flags: number };
  readonly messages: readonly EventMessage[];
};

/** A sample that was read; `data` is a view of the bytes given. */
export type ReadSample = {
  readonly dts: Ticks;
  readonly pts: Ticks;
  readonly duration: Ticks;
  readonly key: boolean;
  readonly data: Uint8Array;
};

/**
 * Reads chunks of one track that state their defaults in `tfhd`, as {@link chunk} writes them: one `traf` with one `trun` each.
 *
 * @throws {MillraceError} `media/malformed` where the bytes are something else.
 */
export function readChunks(bytes: Uint8Array): ReadChunk[] {
  const chunks: ReadChunk[] = [];
  let prft: Box | undefined;
  let messages: EventMessage[] = [];
  for (const box of readBoxes(bytes)) {
    if (box.type === 'prft') {
      prft = box;
    } else if (box.type === 'emsg') {
      messages.push(readEmsg(box));
    } else if (box.type === 'moof') {
      chunks.push({ ...readMoof(bytes, box), messages, ...(prft === undefined ? {} : { producerReference: readPrft(prft) }) });
      prft = undefined;
      messages = [];
    }
  }
  return chunks;
}

function readPrft(box: Box): NonNullable<ReadChunk['producerReference']> {
  const fields = new Fields(box, 0);
  const flags = fields.u32() & 0xff_ffff;
  fields.u32();
  const wallTime = fromNtpTime({ seconds: fields.u32(), fraction: fields.u32() });
  return { wallTime, pts: fields.u64() as Ticks, flags };
}

function readMoof(bytes: Uint8Array, moof: Box): Omit<ReadChunk, 'messages'> {
  const sequence = new Fields(requireBox(moof.children, 'mfhd'), 4).u32();
  const tfhd = new Fields(requireBox(moof.children, 'traf/tfhd'), 0);
  const tfhdFlags = tfhd.u32() & 0xff_ffff;
  tfhd.u32();
  const defaultDuration = (tfhdFlags & 0x08) === 0 ? 0 : tfhd.u32();
  const defaultSize = (tfhdFlags & 0x10) === 0 ? 0 : tfhd.u32();
  const defaultFlags = (tfhdFlags & 0x20) === 0 ? 0 : tfhd.u32();
  const baseMediaDecodeTime = new Fields(requireBox(moof.children, 'traf/tfdt'), 4).u64() as Ticks;

  const trunBox = findBox(moof.children, 'traf/trun');
  if (trunBox === undefined || (tfhdFlags & 0x02_0000) === 0) {
    throw new MillraceError('media/malformed', 'A fragment has no trun, or its base is not its moof.');
  }
  const trun = new Fields(trunBox, 0);
  const flags = trun.u32() & 0xff_ffff;
  const count = trun.u32();
  if (count > bytes.length) {
    throw new MillraceError('media/malformed', `A fragment claims ${count} samples, more than there are bytes.`);
  }
  let at = moof.start + ((flags & 0x001) === 0 ? moof.size + 8 : trun.i32());
  const firstFlags = (flags & 0x004) === 0 ? undefined : trun.u32();
  let dts = baseMediaDecodeTime as number;
  const samples: ReadSample[] = [];
  for (let index = 0; index < count; index++) {
    const duration = (flags & 0x100) === 0 ? defaultDuration : trun.u32();
    const size = (flags & 0x200) === 0 ? defaultSize : trun.u32();
    const ownFlags = (flags & 0x400) === 0 ? defaultFlags : trun.u32();
    const offset = (flags & 0x800) === 0 ? 0 : trun.i32();
    const sampleFlags = index === 0 && firstFlags !== undefined ? firstFlags : ownFlags;
    if (at + size > bytes.length) {
      throw new MillraceError('media/malformed', `Sample ${index} of a fragment ends past the last byte.`);
    }
    samples.push({
      dts: dts as Ticks,
      pts: (dts + offset) as Ticks,
      duration: duration as Ticks,
      key: (sampleFlags & 0x0001_0000) === 0,
      data: bytes.subarray(at, at + size),
    });
    dts += duration;
    at += size;
  }
  return { sequence, baseMediaDecodeTime, samples };
}

/** Reads a box's fields one after another. */
class Fields {
  readonly #view: DataView;
  readonly #type: string;
  #at: number;

  constructor(box: Box, at: number) {
    this.#view = new DataView(box.payload.buffer, box.payload.byteOffset, box.payload.byteLength);
    this.#type = box.type;
    this.#at = at;
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4));
  }

  u64(): number {
    return this.u32() * 0x1_0000_0000 + this.u32();
  }

  #take(bytes: number): number {
    if (this.#at + bytes > this.#view.byteLength) {
      throw new MillraceError('media/malformed', `The box ${this.#type} is too short.`);
    }
    this.#at += bytes;
    return this.#at - bytes;
  }
}
