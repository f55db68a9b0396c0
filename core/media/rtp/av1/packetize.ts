import { sequenceHeaderOf } from '../../codecs/av1/av1c.ts';
import { OBU_PADDING, OBU_SEQUENCE_HEADER, OBU_TEMPORAL_DELIMITER, OBU_TILE_LIST, bareHeader, leb128, leb128Length, splitObus, type Obu } from '../../codecs/av1/obu.ts';
import { concatBytes } from '../bytes.ts';
import { AGGREGATION_BYTES, CONTINUES, COUNT_SHIFT, GOES_ON, MAX_COUNT, NEW_SEQUENCE } from './aggregation-header.ts';

/** A stretch of an OBU in a packet: `length` bytes from `start` of element `index`, `sized` where a length goes before it. */
type Stretch = { readonly index: number; readonly start: number; readonly length: number; readonly sized: boolean };

/** The sequence header of an `av1C`, as an OBU without size; undefined where it holds none. */
export function sequenceElementOf(description: Uint8Array): Uint8Array | undefined {
  const obu = sequenceHeaderOf(description);
  return obu && element(obu);
}

/**
 * The payloads of one temporal unit. Key frames begin with the sequence header, from the configuration where the unit has none.
 *
 * @throws {MillraceError} `media/malformed` where `data` is no list of OBUs.
 */
export function packetizeAv1(data: Uint8Array, key: boolean, sequence: Uint8Array | undefined, maxPayload: number): Uint8Array[] {
  // 5: "The temporal delimiter OBU SHOULD be removed", and tile lists.
  const obus = splitObus(data).filter(({ type }) => type !== OBU_TEMPORAL_DELIMITER && type !== OBU_TILE_LIST && type !== OBU_PADDING);
  const elements = obus.map(element);
  if (key && sequence !== undefined && !obus.some(({ type }) => type === OBU_SEQUENCE_HEADER)) {
    elements.unshift(sequence);
  }
  const lengths = elements.map(({ length }) => length);
  return equalPlan(lengths, maxPayload).map((stretches, packet) => write(elements, stretches, key && packet === 0));
}

function element(obu: Obu): Uint8Array {
  return concatBytes([bareHeader(obu), obu.payload]);
}

/** As few packets as can be, and those as short as their number allows: then nearly all but the last are of equal size. */
function equalPlan(lengths: readonly number[], maxPayload: number): Stretch[][] {
  let best = plan(lengths, maxPayload);
  const count = best.length;
  let low = Math.ceil(lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, count));
  let high = maxPayload;
  while (low < high) {
    const size = Math.floor((low + high) / 2);
    const tried = size < MIN_PAYLOAD ? [] : plan(lengths, size);
    if (tried.length === count) {
      best = tried;
      high = size;
    } else {
      low = size + 1;
    }
  }
  return best;
}

/** Room for the aggregation header, a length and something behind it. */
const MIN_PAYLOAD = 8;

/** Fills packets of `size` bytes one after the other. */
function plan(lengths: readonly number[], size: number): Stretch[][] {
  const packets: Stretch[][] = [];
  let packet: Stretch[] = [];
  let room = size - AGGREGATION_BYTES;
  const close = (): void => {
    packets.push(packet);
    packet = [];
    room = size - AGGREGATION_BYTES;
  };
  for (let index = 0, start = 0; index < lengths.length; ) {
    const rest = lengths[index]! - start;
    const counted = packet.length < MAX_COUNT;
    const prefix = leb128Length(Math.min(rest, room));
    if (counted && (rest + prefix >= room || index === lengths.length - 1)) {
      // Nothing has room behind it, or nothing follows: the packet's last element, which W frees of its length.
      const length = Math.min(rest, room);
      packet.push({ index, start, length, sized: false });
      start += length;
      if (length < rest || index < lengths.length - 1) {
        close();
      }
    } else {
      const length = Math.min(rest, room - prefix);
      if (length <= 0) {
        close();
        continue;
      }
      packet.push({ index, start, length, sized: true });
      start += length;
      room -= prefix + length;
      if (length < rest) {
        close();
      }
    }
    if (start === lengths[index]) {
      index += 1;
      start = 0;
    }
  }
  if (packet.length > 0) {
    close();
  }
  return packets;
}

function write(elements: readonly Uint8Array[], stretches: readonly Stretch[], newSequence: boolean): Uint8Array {
  const first = stretches[0]!;
  const last = stretches.at(-1)!;
  const goesOn = last.start + last.length < elements[last.index]!.length;
  const count = last.sized ? 0 : stretches.length;
  const header = (first.start > 0 ? CONTINUES : 0) | (goesOn ? GOES_ON : 0) | (count << COUNT_SHIFT) | (newSequence ? NEW_SEQUENCE : 0);
  const parts: Uint8Array[] = [Uint8Array.of(header)];
  for (const { index, start, length, sized } of stretches) {
    if (sized) {
      parts.push(Uint8Array.from(leb128(length)));
    }
    parts.push(elements[index]!.subarray(start, start + length));
  }
  return concatBytes(parts);
}
