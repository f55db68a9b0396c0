import { readChunks, type ReadChunk } from '#core/media/containers/fmp4/read-chunks.ts';
import type { Ticks } from '#core/media/time.ts';

import { sequenceNumber } from '../../cmaf/sequence-number.ts';
import type { KeptSegment } from '../format/index-line.ts';
import { moofOffset } from '../format/mfra.ts';

/** Length of the whole boxes at the front of bytes, or up to the first byte that begins none of ours. */
export function wholeBoxes(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at + 8 <= bytes.length) {
    const size = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (size < 8 || at + size > bytes.length || !['prft', 'emsg', 'moof', 'mdat'].includes(type)) {
      break;
    }
    at += size;
  }
  return at;
}

/** Whether bytes are a segment: whole chunks of the group, the first with its `prft`. */
export function isSegment(bytes: Uint8Array, group: number): boolean {
  try {
    if (wholeBoxes(bytes) !== bytes.length) {
      return false;
    }
    const chunks = readChunks(bytes);
    return chunks[0]?.producerReference !== undefined && chunks.every(({ sequence }, part) => sequence === sequenceNumber(group, part));
  } catch {
    return false;
  }
}

/**
 * Finds segments behind the last one that the index names, by walking the boxes. Only such count as continue it without a gap, and stand before another:
 * the last one may lack parts, and nothing in it would tell.
 */
export function walkSegments(bytes: Uint8Array, after: KeptSegment): KeptSegment[] {
  const starts = segmentStarts(bytes);
  const found: KeptSegment[] = [];
  let before = after;
  for (const [index, start] of starts.entries()) {
    const end = starts[index + 1];
    if (end === undefined) {
      break;
    }
    const segment = describe(bytes.subarray(start, end), start - (starts[0] ?? 0) + after.offset + after.bytes, before);
    if (start !== 0 && index === 0 || segment === undefined) {
      break;
    }
    found.push(segment);
    before = segment;
  }
  return found;
}

/** Where `prft` boxes begin: the first chunk of each segment has one. */
function segmentStarts(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole = wholeBoxes(bytes);
  const starts: number[] = [];
  for (let at = 0; at < whole; at += view.getUint32(at)) {
    if (view.getUint32(at + 4) === 0x7072_6674) {
      starts.push(at);
    }
  }
  return starts;
}

function describe(bytes: Uint8Array, offset: number, before: KeptSegment): KeptSegment | undefined {
  const group = before.group + 1;
  const dts = (before.dts + before.ticks) as Ticks;
  let chunks: ReadChunk[];
  try {
    chunks = isSegment(bytes, group) ? readChunks(bytes) : [];
  } catch {
    return undefined;
  }
  const [first] = chunks;
  if (first?.producerReference === undefined || first.baseMediaDecodeTime !== dts) {
    return undefined;
  }
  const samples = chunks.flatMap((chunk) => chunk.samples);
  const ticks = samples.reduce((sum, { duration }) => sum + duration, 0) as Ticks;
  const { wallTime, pts } = first.producerReference;
  return { ...before, group, dts, pts, ticks, wallTime, bytes: bytes.length, offset, moof: moofOffset(bytes), key: first.samples.some(({ key }) => key) };
}
