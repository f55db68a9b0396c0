import { av1Config } from '../../codecs/av1/av1c.ts';
import { parseAv1FrameHeader, type Av1FrameHeader } from '../../codecs/av1/frame-header.ts';
import {
  OBU_FRAME,
  OBU_FRAME_HEADER,
  OBU_PADDING,
  OBU_SEQUENCE_HEADER,
  OBU_TEMPORAL_DELIMITER,
  OBU_TILE_LIST,
  obuLayers,
  readLeb128,
  readObu,
  sizedHeader,
  type Obu,
} from '../../codecs/av1/obu.ts';
import { parseAv1SequenceHeader, type Av1SequenceHeader } from '../../codecs/av1/sequence-header.ts';
import type { RtpConfig } from '../access-unit.ts';
import type { AssembledUnit, PayloadReader } from '../unit-assembler.ts';
import { UnitBuffer } from '../unit-buffer.ts';
import { AGGREGATION_BYTES, CONTINUES, COUNT_SHIFT, GOES_ON, MAX_COUNT } from './aggregation-header.ts';

/** OBUs of one temporal unit at most, as `splitObus` takes them. */
const MAX_OBUS = 1024;

type Sequence = { readonly header: Av1SequenceHeader; readonly obu: Obu };

/** Temporal units out of AV1 payloads, every OBU with its size, temporal delimiters, tile lists and padding removed. */
export class Av1Reader implements PayloadReader {
  readonly #unit = new UnitBuffer();
  /** The OBU that goes on in the next packet. */
  readonly #pending = new UnitBuffer();
  #open = false;
  #obus = 0;
  #frames = 0;
  /** The unit holds frames of higher spatial layers. */
  #layers = false;
  #afterGap = false;
  /** The sequence header of this unit. */
  #fresh: Sequence | undefined;
  #first: Av1FrameHeader | undefined;

  #sequence: Sequence | undefined;
  #given: string | undefined;

  begin(): void {
    this.#unit.clear();
    this.#pending.clear();
    this.#open = false;
    this.#obus = 0;
    this.#frames = 0;
    this.#layers = false;
    this.#afterGap = false;
    this.#fresh = undefined;
    this.#first = undefined;
  }

  take(payload: Uint8Array, afterGap: boolean): boolean {
    this.#afterGap ||= afterGap;
    const flags = payload[0]!;
    if (((flags & CONTINUES) !== 0) !== this.#open) {
      return false;
    }
    const count = (flags >> COUNT_SHIFT) & MAX_COUNT;
    let elements = 0;
    for (let at = AGGREGATION_BYTES; at < payload.length; elements += 1) {
      let end = payload.length;
      // With W every element but the last has its length before it, without W every one.
      if (elements + 1 !== count) {
        const length = readLeb128(payload, at);
        if (length === undefined || length.end + length.value > payload.length) {
          return false;
        }
        at = length.end;
        end = at + length.value;
      }
      if (!this.#element(payload.subarray(at, end), end === payload.length && (flags & GOES_ON) !== 0)) {
        return false;
      }
      at = end;
    }
    return elements > 0 && (count === 0 || elements === count);
  }

  finish(): AssembledUnit | undefined {
    if (this.#open || this.#frames === 0) {
      return undefined;
    }
    this.#sequence = this.#fresh ?? this.#sequence;
    const sequence = this.#sequence;
    if (sequence === undefined) {
      return undefined;
    }
    const { key, size: first } = this.#first ?? { key: false };
    // The first frame is the lowest layer's; the highest one's size is that of the sequence.
    const size = first && this.#layers ? { width: sequence.header.maxWidth, height: sequence.header.maxHeight } : first;
    let changed: RtpConfig | undefined;
    if (key && size !== undefined) {
      const config = av1Config(sequence.header, sequence.obu, size);
      const identity = `${config.description.join()} ${size.width}x${size.height}`;
      changed = identity === this.#given ? undefined : config;
      this.#given = identity;
    }
    return this.#given === undefined ? undefined : { key, data: this.#unit.copy(), ...(changed !== undefined && { config: changed }) };
  }

  #element(bytes: Uint8Array, goesOn: boolean): boolean {
    if (!this.#open && !goesOn) {
      // 4.4 leaves empty elements out; an encoder that sends them says nothing by it.
      return bytes.length === 0 || this.#obu(bytes);
    }
    if (!this.#pending.append(bytes)) {
      return false;
    }
    this.#open = goesOn;
    if (goesOn) {
      return true;
    }
    const whole = this.#obu(this.#pending.view(0));
    this.#pending.clear();
    return whole;
  }

  /** Takes a whole OBU, with or without a size of its own. */
  #obu(bytes: Uint8Array): boolean {
    const obu = readObu(bytes);
    this.#obus += 1;
    if (obu === undefined || obu.end !== bytes.length || this.#obus > MAX_OBUS) {
      return false;
    }
    switch (obu.type) {
      case OBU_TEMPORAL_DELIMITER:
        this.#afterGap = false;
        return true;
      case OBU_TILE_LIST:
      case OBU_PADDING:
        return true;
      case OBU_SEQUENCE_HEADER:
        if (!this.#sequenceHeader(obu)) {
          return false;
        }
        break;
      case OBU_FRAME:
      case OBU_FRAME_HEADER:
        if (!this.#frame(obu)) {
          return false;
        }
        break;
      default:
    }
    return this.#unit.append(sizedHeader(obu, obu.payload.length)) && this.#unit.append(obu.payload);
  }

  #sequenceHeader(obu: Obu): boolean {
    this.#afterGap = false;
    try {
      // A copy: the configuration keeps it.
      const kept = { ...obu, payload: obu.payload.slice() };
      this.#fresh = { header: parseAv1SequenceHeader(kept.payload), obu: kept };
      return true;
    } catch {
      return false;
    }
  }

  /** False where what must come before the unit's first frame is lost. */
  #frame(obu: Obu): boolean {
    this.#frames += 1;
    const { spatial } = obuLayers(obu.extension);
    this.#layers ||= spatial > 0;
    const sequence = this.#fresh ?? this.#sequence;
    if (this.#first !== undefined || sequence === undefined) {
      return sequence !== undefined;
    }
    const header = parseAv1FrameHeader(obu.payload, sequence.header, obu.extension);
    this.#first = header;
    // A key frame has its sequence header before it (7.5), and the lowest layer comes first.
    return header !== undefined && !(this.#afterGap && (header.key || spatial > 0));
  }
}
