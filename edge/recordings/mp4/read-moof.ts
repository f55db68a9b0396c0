import { findBox, readBoxes, requireBox, type Box } from '#core/media/containers/fmp4/read-boxes.ts';
import { MillraceError } from '#core/runtime/errors.ts';

/** What a `moof` tells of its samples, in ticks of the track. */
export type MoofSample = { readonly dts: number; readonly pts: number; readonly duration: number; readonly size: number; readonly key: boolean };

/** A `moof` that was read. */
export type Moof = {
  readonly samples: readonly MoofSample[];
  /** Where its first sample lies, from the start of the `moof` on; the others follow at once. */
  readonly dataOffset: number;
  readonly dataSize: number;
};

/**
 * Reads a `moof` of one track fragment with one run, as the packager writes it, without the `mdat` behind it (ISO/IEC 14496-12, 8.8).
 *
 * @throws {MillraceError} `media/malformed` where it is something else.
 */
export function readMoof(bytes: Uint8Array): Moof {
  const { children } = requireBox(readBoxes(bytes), 'moof');
  const tfhd = fieldsOf(requireBox(children, 'traf/tfhd'));
  const tfhdFlags = tfhd() & 0xff_ffff;
  tfhd();
  const defaultDuration = (tfhdFlags & 0x08) === 0 ? 0 : tfhd();
  const defaultSize = (tfhdFlags & 0x10) === 0 ? 0 : tfhd();
  const defaultFlags = (tfhdFlags & 0x20) === 0 ? 0 : tfhd();
  const tfdt = fieldsOf(requireBox(children, 'traf/tfdt'));
  const isLong = tfdt() >>> 24 === 1;
  let dts = isLong ? tfdt() * 0x1_0000_0000 + tfdt() : tfdt();
  const run = findBox(children, 'traf/trun');
  if (run === undefined || (tfhdFlags & 0x02_0000) === 0) {
    throw new MillraceError('media/malformed', 'A fragment has no trun, or its base is not its moof.');
  }
  const trun = fieldsOf(run);
  const flags = trun() & 0xff_ffff;
  const count = trun();
  const dataOffset = (flags & 0x001) === 0 ? bytes.length + 8 : trun() | 0;
  const firstFlags = (flags & 0x004) === 0 ? undefined : trun();
  const samples: MoofSample[] = [];
  let dataSize = 0;
  for (let index = 0; index < count; index++) {
    const duration = (flags & 0x100) === 0 ? defaultDuration : trun();
    const size = (flags & 0x200) === 0 ? defaultSize : trun();
    const ownFlags = (flags & 0x400) === 0 ? defaultFlags : trun();
    const offset = (flags & 0x800) === 0 ? 0 : trun() | 0;
    const sampleFlags = index === 0 && firstFlags !== undefined ? firstFlags : ownFlags;
    samples.push({ dts, pts: dts + offset, duration, size, key: (sampleFlags & 0x0001_0000) === 0 });
    dts += duration;
    dataSize += size;
  }
  return { samples, dataOffset, dataSize };
}

/** Reads a box's 32-bit fields one after another. */
function fieldsOf({ type, payload }: Box): () => number {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  let at = 0;
  return () => {
    if (at + 4 > view.byteLength) {
      throw new MillraceError('media/malformed', `The box ${type} is too short.`);
    }
    at += 4;
    return view.getUint32(at - 4);
  };
}
