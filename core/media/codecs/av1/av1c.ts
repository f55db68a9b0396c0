import { MillraceError } from '../../../runtime/errors.ts';
import { VIDEO_TIMESCALE } from '../../time.ts';
import type { VideoConfig } from '../../track.ts';
import { OBU_SEQUENCE_HEADER, sizedHeader, splitObus, type Obu } from './obu.ts';
import type { Av1SequenceHeader } from './sequence-header.ts';

const RECORD_BYTES = 4;

/**
 * The payload of `av1C` (AV1 Codec ISO Media File Format Binding, 2.3.3): AV1CodecConfigurationRecord with one sequence header.
 *
 *     marker 1, version 7 = 1
 *     seq_profile 3, seq_level_idx_0 5
 *     seq_tier_0 1, high_bitdepth 1, twelve_bit 1, monochrome 1, chroma_subsampling_x 1, _y 1, chroma_sample_position 2
 *     reserved 3, initial_presentation_delay_present 1 = 0, reserved 4
 *     configOBUs
 */
export function buildAv1C(sequence: Av1SequenceHeader, obu: Obu): Uint8Array {
  const { color } = sequence;
  const head = sizedHeader(obu, obu.payload.length);
  const out = new Uint8Array(RECORD_BYTES + head.length + obu.payload.length);
  out[0] = 0x81;
  out[1] = (sequence.profile << 5) | sequence.level;
  out[2] =
    (sequence.tier << 7) |
    (color.bitDepth > 8 ? 0x40 : 0) |
    (color.bitDepth === 12 ? 0x20 : 0) |
    (color.monochrome ? 0x10 : 0) |
    (color.subsamplingX << 3) |
    (color.subsamplingY << 2) |
    color.chromaSamplePosition;
  out.set(head, RECORD_BYTES);
  out.set(obu.payload, RECORD_BYTES + head.length);
  return out;
}

/**
 * The sequence header of an `av1C`, as a view; undefined where it holds none.
 *
 * @throws {MillraceError} `media/malformed`.
 */
export function sequenceHeaderOf(record: Uint8Array): Obu | undefined {
  if (record.length < RECORD_BYTES || record[0] !== 0x81) {
    throw new MillraceError('media/malformed', 'no av1C of version 1');
  }
  return splitObus(record.subarray(RECORD_BYTES)).find(({ type }) => type === OBU_SEQUENCE_HEADER);
}

/** The decoder configuration of an AV1 stream; its string as in the binding, 5: `av01.<profile>.<level><tier>.<bitDepth>`. */
export function av1Config(
  sequence: Av1SequenceHeader,
  obu: Obu,
  size: { readonly width: number; readonly height: number },
): Omit<VideoConfig, 'frameDuration' | 'reordered'> {
  const two = (value: number): string => String(value).padStart(2, '0');
  const codecString = `av01.${sequence.profile}.${two(sequence.level)}${sequence.tier === 1 ? 'H' : 'M'}.${two(sequence.color.bitDepth)}`;
  return { kind: 'video', codec: 'av1', codecString, description: buildAv1C(sequence, obu), width: size.width, height: size.height, timescale: VIDEO_TIMESCALE };
}
