import type { Frame } from '../../frame.ts';
import type { Ticks, WallTime } from '../../time.ts';
import { BOX_HEADER, FULL_BOX_HEADER, fourCc } from './box.ts';
import { TRACK_ID } from './init-segment.ts';
import { ntpTime } from './ntp.ts';

/** One sample of a chunk; a {@link Frame} is one. */
export type Sample = Pick<Frame, 'pts' | 'dts' | 'duration' | 'key' | 'data'>;

/** What a chunk states besides its samples. */
export type ChunkOptions = {
  /** `mfhd.sequence_number`: an unsigned 32-bit number that rises from chunk to chunk. */
  readonly sequence: number;
  /** Decoding time at which the first sample begins, where it is not its dts. Composition offsets keep its pts. */
  readonly start?: Ticks;
  /** Decoding time at which the last sample ends, where it is not its dts and duration. */
  readonly end?: Ticks;
  /** Writes a `prft` before the chunk: the wall time at which the sample of this pts was captured. */
  readonly producerReference?: { readonly wallTime: WallTime; readonly pts: Ticks };
  /** Whole `emsg` boxes of messages that belong to the chunk's samples: written before `moof`, behind the `prft`. */
  readonly messages?: readonly Uint8Array[];
};

const PRFT = fourCc('prft');
const MOOF = fourCc('moof');
const MFHD = fourCc('mfhd');
const TRAF = fourCc('traf');
const TFHD = fourCc('tfhd');
const TFDT = fourCc('tfdt');
const TRUN = fourCc('trun');
const MDAT = fourCc('mdat');

const PRFT_SIZE = FULL_BOX_HEADER + 4 + 8 + 8;
const MFHD_SIZE = FULL_BOX_HEADER + 4;
const TFDT_SIZE = FULL_BOX_HEADER + 8;

/** The reference time is the capture of the frame (ISO/IEC 14496-12, 8.16.5: flags 24). */
const PRFT_CAPTURED = 24;

// ISO/IEC 14496-12, 8.8.7
const TFHD_DEFAULT_DURATION = 0x08;
const TFHD_DEFAULT_SIZE = 0x10;
const TFHD_DEFAULT_FLAGS = 0x20;
const TFHD_DEFAULT_BASE_IS_MOOF = 0x02_0000;

// ISO/IEC 14496-12, 8.8.8
const TRUN_DATA_OFFSET = 0x001;
const TRUN_FIRST_FLAGS = 0x004;
const TRUN_DURATION = 0x100;
const TRUN_SIZE = 0x200;
const TRUN_FLAGS = 0x400;
const TRUN_COMPOSITION_OFFSET = 0x800;

/** `sample_depends_on` 2: others are not needed (an I picture). */
const SYNC_SAMPLE = 0x0200_0000;
/** `sample_depends_on` 1 and `sample_is_non_sync_sample`. */
const NON_SYNC_SAMPLE = 0x0101_0000;

/**
 * A CMAF chunk (ISO/IEC 23000-19, 7.3.2.3): `moof` and `mdat` of consecutive samples in decoding order, `prft` and `emsg` before them if asked for.
 *
 * A sample lasts until the next one's dts, the last one its own duration; `tfdt` is the first sample's dts: unless the
 * options say otherwise. What is the same for all samples stands once in `tfhd`. The size is reckoned first, so there is one allocation and each payload is copied once.
 *
 * @throws {RangeError} where there is no sample.
 */
export function chunk(samples: readonly Sample[], options: ChunkOptions): Uint8Array {
  const first = samples[0];
  if (first === undefined) {
    throw new RangeError('a chunk needs a sample');
  }
  const timing = timingOf(samples, first, options);
  const shape = shapeOf(samples, first, timing);
  const count = samples.length;

  const tfhdSize = FULL_BOX_HEADER + 4 + 4 * bitCount(shape.tfhdFlags & 0x38);
  const trunSize = FULL_BOX_HEADER + 8 + 4 * bitCount(shape.trunFlags & TRUN_FIRST_FLAGS) + 4 * bitCount(shape.trunFlags & 0xf00) * count;
  const trafSize = BOX_HEADER + tfhdSize + TFDT_SIZE + trunSize;
  const moofSize = BOX_HEADER + MFHD_SIZE + trafSize;
  const mdatSize = BOX_HEADER + shape.payload;
  const prftSize = options.producerReference === undefined ? 0 : PRFT_SIZE;

  const messages = options.messages ?? [];
  const messagesSize = messages.reduce((sum, { length }) => sum + length, 0);

  const out = new Uint8Array(prftSize + messagesSize + moofSize + mdatSize);
  const view = new DataView(out.buffer);
  let at = 0;

  if (options.producerReference !== undefined) {
    const ntp = ntpTime(options.producerReference.wallTime);
    at = header(view, at, PRFT_SIZE, PRFT);
    view.setUint32(at, 0x0100_0000 | PRFT_CAPTURED); // version 1: media_time has 64 bits
    view.setUint32(at + 4, TRACK_ID);
    view.setUint32(at + 8, ntp.seconds);
    view.setUint32(at + 12, ntp.fraction);
    at = u64(view, at + 16, options.producerReference.pts);
  }
  for (const message of messages) {
    out.set(message, at);
    at += message.length;
  }

  at = header(view, at, moofSize, MOOF);
  at = header(view, at, MFHD_SIZE, MFHD);
  view.setUint32(at + 4, options.sequence);
  at = header(view, at + 8, trafSize, TRAF);

  at = header(view, at, tfhdSize, TFHD);
  view.setUint32(at, shape.tfhdFlags);
  view.setUint32(at + 4, TRACK_ID);
  at += 8;
  if ((shape.tfhdFlags & TFHD_DEFAULT_DURATION) !== 0) {
    view.setUint32(at, shape.duration);
    at += 4;
  }
  if ((shape.tfhdFlags & TFHD_DEFAULT_SIZE) !== 0) {
    view.setUint32(at, first.data.length);
    at += 4;
  }
  if ((shape.tfhdFlags & TFHD_DEFAULT_FLAGS) !== 0) {
    view.setUint32(at, shape.flags);
    at += 4;
  }

  at = header(view, at, TFDT_SIZE, TFDT);
  view.setUint32(at, 0x0100_0000);
  at = u64(view, at + 4, timing.start);

  at = header(view, at, trunSize, TRUN);
  view.setUint32(at, 0x0100_0000 | shape.trunFlags); // version 1: composition offsets are signed
  view.setUint32(at + 4, count);
  view.setInt32(at + 8, moofSize + BOX_HEADER); // data_offset, from the start of moof
  at += 12;
  if ((shape.trunFlags & TRUN_FIRST_FLAGS) !== 0) {
    view.setUint32(at, flagsOf(first));
    at += 4;
  }
  for (let index = 0; index < count; index++) {
    const sample = samples[index] as Sample;
    if ((shape.trunFlags & TRUN_DURATION) !== 0) {
      view.setUint32(at, durationAt(samples, index, timing));
      at += 4;
    }
    if ((shape.trunFlags & TRUN_SIZE) !== 0) {
      view.setUint32(at, sample.data.length);
      at += 4;
    }
    if ((shape.trunFlags & TRUN_FLAGS) !== 0) {
      view.setUint32(at, flagsOf(sample));
      at += 4;
    }
    if ((shape.trunFlags & TRUN_COMPOSITION_OFFSET) !== 0) {
      view.setInt32(at, sample.pts - dtsAt(samples, index, timing));
      at += 4;
    }
  }

  at = header(view, at, mdatSize, MDAT);
  for (const sample of samples) {
    out.set(sample.data, at);
    at += sample.data.length;
  }
  return out;
}

/** Decoding time that a chunk fills. */
type Timing = { readonly start: number; readonly end: number };

function timingOf(samples: readonly Sample[], first: Sample, options: ChunkOptions): Timing {
  const last = samples[samples.length - 1] ?? first;
  return { start: options.start ?? first.dts, end: options.end ?? last.dts + last.duration };
}

type Shape = {
  readonly payload: number;
  readonly tfhdFlags: number;
  readonly trunFlags: number;
  /** The samples' default duration and flags, where they have one. */
  readonly duration: number;
  readonly flags: number;
};

/** Finds out what all samples have in common: that is stated once. */
function shapeOf(samples: readonly Sample[], first: Sample, timing: Timing): Shape {
  const count = samples.length;
  const duration = durationAt(samples, 0, timing);
  const firstFlags = flagsOf(first);
  const flags = flagsOf(samples[1] ?? first);
  let payload = 0;
  let oneDuration = true;
  let oneSize = true;
  let oneRest = true;
  let reordered = false;
  for (let index = 0; index < count; index++) {
    const sample = samples[index] as Sample;
    payload += sample.data.length;
    oneDuration &&= durationAt(samples, index, timing) === duration;
    oneSize &&= sample.data.length === first.data.length;
    oneRest &&= index === 0 || flagsOf(sample) === flags;
    reordered ||= sample.pts !== dtsAt(samples, index, timing);
  }
  const firstDiffers = oneRest && firstFlags !== flags;
  return {
    payload,
    duration,
    flags,
    tfhdFlags:
      TFHD_DEFAULT_BASE_IS_MOOF |
      (oneDuration ? TFHD_DEFAULT_DURATION : 0) |
      (oneSize ? TFHD_DEFAULT_SIZE : 0) |
      (oneRest ? TFHD_DEFAULT_FLAGS : 0),
    trunFlags:
      TRUN_DATA_OFFSET |
      (firstDiffers ? TRUN_FIRST_FLAGS : 0) |
      (oneDuration ? 0 : TRUN_DURATION) |
      (oneSize ? 0 : TRUN_SIZE) |
      (oneRest ? 0 : TRUN_FLAGS) |
      (reordered ? TRUN_COMPOSITION_OFFSET : 0),
  };
}

function dtsAt(samples: readonly Sample[], index: number, timing: Timing): number {
  return index === 0 ? timing.start : (samples[index] as Sample).dts;
}

function durationAt(samples: readonly Sample[], index: number, timing: Timing): number {
  return (samples[index + 1]?.dts ?? timing.end) - dtsAt(samples, index, timing);
}

function flagsOf(sample: Sample): number {
  return sample.key ? SYNC_SAMPLE : NON_SYNC_SAMPLE;
}

function header(view: DataView, at: number, size: number, type: number): number {
  view.setUint32(at, size);
  view.setUint32(at + 4, type);
  return at + BOX_HEADER;
}

/** Writes an integer of up to 53 bits as an unsigned 64-bit field; BigInt would be several times slower. */
function u64(view: DataView, at: number, value: number): number {
  view.setUint32(at, Math.floor(value / 0x1_0000_0000));
  view.setUint32(at + 4, value >>> 0);
  return at + 8;
}

function bitCount(flags: number): number {
  let count = 0;
  for (let rest = flags; rest !== 0; rest &= rest - 1) {
    count++;
  }
  return count;
}
