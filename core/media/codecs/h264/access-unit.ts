import {
  NAL_AUD,
  NAL_END_OF_SEQUENCE,
  NAL_END_OF_STREAM,
  NAL_FILLER,
  NAL_IDR,
  NAL_PPS,
  NAL_SLICE,
  NAL_SPS,
  NAL_SPS_EXTENSION,
  joinLengthPrefixed,
  nalType,
} from './nal-unit.ts';

/** What the NAL units of one access unit are, sorted by their use. Views of the units that came in. */
export type AccessUnit = {
  /** Slices and SEI, in order: what a sample holds where parameter sets are kept apart (`avc1`). */
  readonly units: readonly Uint8Array[];
  readonly sps: readonly Uint8Array[];
  readonly pps: readonly Uint8Array[];
  /** True where a slice of an IDR picture is inside. */
  readonly idr: boolean;
  /** True where any slice is inside. */
  readonly picture: boolean;
};

/**
 * Sorts the NAL units of one access unit. Delimiters, filler, end-of-sequence and end-of-stream units are dropped: they
 * carry nothing that a player needs, and ISO/IEC 14496-15, 5.3.2 and 5.3.4.2 advise against them in samples.
 */
export function sortAccessUnit(nals: readonly Uint8Array[]): AccessUnit {
  const units: Uint8Array[] = [];
  const sps: Uint8Array[] = [];
  const pps: Uint8Array[] = [];
  let idr = false;
  let picture = false;
  for (const nal of nals) {
    const type = nalType(nal);
    switch (type) {
      case NAL_SPS:
        sps.push(nal);
        break;
      case NAL_PPS:
        pps.push(nal);
        break;
      case NAL_AUD:
      case NAL_FILLER:
      case NAL_END_OF_SEQUENCE:
      case NAL_END_OF_STREAM:
      case NAL_SPS_EXTENSION:
        break;
      default:
        idr ||= type === NAL_IDR;
        picture ||= type >= NAL_SLICE && type <= NAL_IDR;
        units.push(nal);
    }
  }
  return { units, sps, pps, idr, picture };
}

/** The sample of an access unit, as `Frame.data` holds it: 4-byte lengths, parameter sets removed. A new buffer. */
export function sampleData(unit: AccessUnit): Uint8Array {
  return joinLengthPrefixed(unit.units);
}
