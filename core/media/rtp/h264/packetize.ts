import { parseAvcC } from '../../codecs/h264/avcc.ts';
import { NAL_PPS, NAL_SPS, nalType, splitLengthPrefixed } from '../../codecs/h264/nal-unit.ts';
import { writeUint16 } from '../bytes.ts';
import { FU_A, FU_BYTES, FU_END, FU_START, NRI_MASK, STAP_A } from './payload-header.ts';

/** The parameter sets of an `avcC`, in the order in which they go before an IDR picture. */
export function parameterSetsOf(description: Uint8Array): readonly Uint8Array[] {
  const { sps, pps } = parseAvcC(description);
  return [...sps, ...pps];
}

/**
 * The payloads of one access unit in packetization-mode 1. Before an IDR picture go the parameter sets ("SPS/PPS before
 * every IDR": a viewer may enter or change the rung there), in a STAP-A of their own or with all else that is small.
 *
 * @throws {MillraceError} `media/truncated` or `media/malformed` where `data` is no list of NAL units with 4-byte lengths.
 */
export function packetizeH264(data: Uint8Array, key: boolean, parameterSets: readonly Uint8Array[], maxPayload: number): Uint8Array[] {
  const nals = splitLengthPrefixed(data);
  // Sets inside are old copies at best: the configuration is what counts.
  const units = key ? [...parameterSets, ...nals.filter((nal) => nalType(nal) !== NAL_SPS && nalType(nal) !== NAL_PPS)] : nals;
  const payloads: Uint8Array[] = [];
  let together: Uint8Array[] = [];
  let bytes = 1;
  for (const unit of units) {
    if (together.length > 0 && bytes + 2 + unit.length > maxPayload) {
      payloads.push(aggregate(together));
      together = [];
      bytes = 1;
    }
    if (unit.length > maxPayload) {
      fragment(unit, maxPayload, payloads);
    } else {
      together.push(unit);
      bytes += 2 + unit.length;
    }
  }
  if (together.length > 0) {
    payloads.push(aggregate(together));
  }
  return payloads;
}

/** STAP-A, or the unit itself where it is alone. 5.7: F is the OR of all, "NRI MUST be the maximum". */
function aggregate(units: readonly Uint8Array[]): Uint8Array {
  const [first] = units;
  if (first !== undefined && units.length === 1) {
    return first;
  }
  const out = new Uint8Array(units.reduce((sum, unit) => sum + 2 + unit.length, 1));
  let at = 1;
  let nri = 0;
  for (const unit of units) {
    nri = Math.max(nri, unit[0]! & NRI_MASK);
    writeUint16(out, at, unit.length);
    out.set(unit, at + 2);
    at += 2 + unit.length;
  }
  out[0] = nri | STAP_A;
  return out;
}

/** FU-A in equal pieces. 5.8: the NAL unit's header is not in the fragments but in indicator and FU header. */
function fragment(unit: Uint8Array, maxPayload: number, payloads: Uint8Array[]): void {
  const room = maxPayload - FU_BYTES;
  const count = Math.ceil((unit.length - 1) / room);
  const size = Math.ceil((unit.length - 1) / count);
  const header = unit[0]!;
  for (let at = 1; at < unit.length; at += size) {
    const piece = unit.subarray(at, at + size);
    const out = new Uint8Array(FU_BYTES + piece.length);
    out[0] = (header & 0xe0) | FU_A;
    out[1] = (at === 1 ? FU_START : 0) | (at + size >= unit.length ? FU_END : 0) | (header & 0x1f);
    out.set(piece, FU_BYTES);
    payloads.push(out);
  }
}
