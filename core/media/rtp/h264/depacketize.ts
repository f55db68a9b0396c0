import { h264Config } from '../../codecs/h264/avcc.ts';
import {
  NAL_AUD,
  NAL_END_OF_SEQUENCE,
  NAL_END_OF_STREAM,
  NAL_FILLER,
  NAL_IDR,
  NAL_PARTITION_A,
  NAL_PPS,
  NAL_SLICE,
  NAL_SPS,
  NAL_SPS_EXTENSION,
  nalType,
} from '../../codecs/h264/nal-unit.ts';
import { readUint16, writeUint32 } from '../bytes.ts';
import type { AssembledUnit, PayloadReader } from '../unit-assembler.ts';
import { UnitBuffer } from '../unit-buffer.ts';
import { sameBytes, updateSets, type ParameterSets } from './parameter-sets.ts';
import { FORBIDDEN_BIT, FU_A, FU_BYTES, FU_END, FU_START, STAP_A } from './payload-header.ts';

/** NAL units of one access unit at most, as `splitLengthPrefixed` takes them. */
const MAX_NAL_UNITS = 8192;

/** Bytes of the length before each NAL unit. */
const LENGTH_BYTES = 4;

/** Access units out of RFC 6184 payloads: single NAL units, STAP-A and FU-A, in the order of decoding. */
export class H264Reader implements PayloadReader {
  readonly #unit = new UnitBuffer();
  #sps: Uint8Array[] = [];
  #pps: Uint8Array[] = [];
  #idr = false;
  #picture = false;
  #nals = 0;
  #afterGap = false;
  /** Where the length of the NAL unit in fragments stands; undefined outside of one. */
  #fragmented: number | undefined;

  #sets: ParameterSets = { sps: [], pps: [] };
  /** The sets of which {@link #description} is made. */
  #given: ParameterSets | undefined;
  #description: Uint8Array | undefined;
  /** The sender puts parameter sets before its IDR pictures, so one without them has lost them. */
  #setsBeforeIdr = false;

  begin(): void {
    this.#unit.clear();
    this.#sps = [];
    this.#pps = [];
    this.#idr = false;
    this.#picture = false;
    this.#nals = 0;
    this.#afterGap = false;
    this.#fragmented = undefined;
  }

  take(payload: Uint8Array, afterGap: boolean): boolean {
    const type = nalType(payload);
    if (afterGap) {
      this.#afterGap = true;
    }
    if (type === FU_A) {
      return this.#fragment(payload);
    }
    // Fragments of one NAL unit follow one another (5.8).
    if (this.#fragmented !== undefined) {
      return false;
    }
    // STAP-B, MTAP and FU-B belong to the interleaved mode, which is not negotiated; 0, 30 and 31 are reserved.
    return type === STAP_A ? this.#aggregate(payload) : this.#whole(payload);
  }

  finish(): AssembledUnit | undefined {
    if (this.#fragmented !== undefined) {
      return undefined;
    }
    let changed: AssembledUnit['config'];
    try {
      changed = this.#newConfig();
    } catch {
      return undefined;
    }
    if (!this.#picture || this.#description === undefined) {
      return undefined;
    }
    if (this.#idr) {
      this.#setsBeforeIdr = this.#sps.length > 0 && this.#pps.length > 0;
    }
    return { key: this.#idr, data: this.#unit.copy(), ...(changed !== undefined && { config: changed }) };
  }

  /**
   * Puts the unit's parameter sets in force. The configuration is given where it differs, with the next unit where this one
   * has no picture.
   */
  #newConfig(): AssembledUnit['config'] {
    this.#sets = updateSets(this.#sets, this.#sps, this.#pps);
    if (!this.#picture || this.#sets.sps.length === 0 || this.#sets.pps.length === 0) {
      return undefined;
    }
    if (this.#given === this.#sets) {
      return undefined;
    }
    const { config } = h264Config(this.#sets);
    this.#given = this.#sets;
    if (sameBytes(this.#description, config.description)) {
      return undefined;
    }
    this.#description = config.description;
    return config;
  }

  #whole(nal: Uint8Array): boolean {
    const start = this.#open();
    return start !== undefined && this.#unit.append(nal) && this.#complete(start);
  }

  /** 5.7.1: the STAP-A header, then each NAL unit behind 16 bits of length. */
  #aggregate(payload: Uint8Array): boolean {
    let at = 1;
    while (at < payload.length) {
      const end = at + 2 + (at + 2 <= payload.length ? readUint16(payload, at) : 0);
      if (end > payload.length || end === at + 2 || !this.#whole(payload.subarray(at + 2, end))) {
        return false;
      }
      at = end;
    }
    return at > 1;
  }

  #fragment(payload: Uint8Array): boolean {
    if (payload.length < FU_BYTES) {
      return false;
    }
    const indicator = payload[0]!;
    const header = payload[1]!;
    if ((header & FU_START) !== 0) {
      const start = this.#fragmented === undefined ? this.#open() : undefined;
      if (start === undefined || !this.#unit.append(Uint8Array.of((indicator & 0xe0) | (header & 0x1f)))) {
        return false;
      }
      this.#fragmented = start;
    }
    const start = this.#fragmented;
    if (start === undefined || nalType(this.#unit.view(start + LENGTH_BYTES)) !== (header & 0x1f) || !this.#unit.append(payload.subarray(FU_BYTES))) {
      return false;
    }
    if ((header & FU_END) === 0) {
      return true;
    }
    this.#fragmented = undefined;
    return this.#complete(start);
  }

  /** Makes room for a NAL unit's length. Returns its place; undefined where there are too many units. */
  #open(): number | undefined {
    const start = this.#unit.length;
    this.#nals += 1;
    return this.#nals <= MAX_NAL_UNITS && this.#unit.extend(LENGTH_BYTES) ? start : undefined;
  }

  /** Judges the NAL unit that stands behind its length: keeps it in the sample, sets it aside or drops it, as `sortAccessUnit` does. */
  #complete(start: number): boolean {
    const nal = this.#unit.view(start + LENGTH_BYTES);
    const type = nalType(nal);
    if (nal.length === 0 || (nal[0]! & FORBIDDEN_BIT) !== 0 || type === 0 || type >= STAP_A) {
      return false;
    }
    switch (type) {
      case NAL_SPS:
        this.#sps.push(nal.slice());
        break;
      case NAL_PPS:
        this.#pps.push(nal.slice());
        break;
      case NAL_AUD:
      case NAL_FILLER:
      case NAL_END_OF_SEQUENCE:
      case NAL_END_OF_STREAM:
      case NAL_SPS_EXTENSION:
        break;
      default:
        if (!this.#slice(nal, type)) {
          return false;
        }
        writeUint32(this.#unit.view(start), 0, nal.length);
        return true;
    }
    this.#afterGap &&= type !== NAL_AUD && type !== NAL_SPS;
    this.#unit.truncate(start);
    return true;
  }

  /** False where slices before this one, or an IDR picture's parameter sets, are missing. */
  #slice(nal: Uint8Array, type: number): boolean {
    if (type < NAL_SLICE || type > NAL_IDR) {
      return true;
    }
    this.#idr ||= type === NAL_IDR;
    if (!this.#picture && (type === NAL_SLICE || type === NAL_PARTITION_A || type === NAL_IDR)) {
      // first_mb_in_slice, ue(v), is 0 where the first bit is 1 (H.264, 7.3.3).
      if (nal.length < 2 || nal[1]! < 0x80) {
        return false;
      }
      if (this.#afterGap && type === NAL_IDR && this.#setsBeforeIdr) {
        return false;
      }
    }
    this.#picture = true;
    return true;
  }
}
