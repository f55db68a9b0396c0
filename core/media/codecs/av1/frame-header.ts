import { BitReader } from '../bit-reader.ts';
import { obuLayers } from './obu.ts';
import type { Av1SequenceHeader } from './sequence-header.ts';

/** What an uncompressed header says (AV1, 5.9.2), as far as it is needed. */
export type Av1FrameHeader = {
  /** A key frame that is shown: decoding may start here (7.6.2, key frame random access point). */
  readonly key: boolean;
  /** Pixels of the upscaled frame; in such key frames only. */
  readonly size?: { readonly width: number; readonly height: number };
};

const KEY_FRAME = 0;

/** Parses the beginning of a frame or frame header OBU's payload; undefined where it is cut off. Never throws. */
export function parseAv1FrameHeader(payload: Uint8Array, sequence: Av1SequenceHeader, extension?: number): Av1FrameHeader | undefined {
  try {
    return uncompressedHeader(new BitReader(payload.subarray(0, 256)), sequence, extension);
  } catch {
    return undefined;
  }
}

function uncompressedHeader(reader: BitReader, sequence: Av1SequenceHeader, extension: number | undefined): Av1FrameHeader {
  if (sequence.reducedStillPicture) {
    reader.skip(1); // disable_cdf_update
    screenContent(reader, sequence);
    return { key: true, size: frameSize(reader, sequence, false) };
  }
  if (reader.flag()) {
    return { key: false }; // show_existing_frame
  }
  const frameType = reader.bits(2);
  const shown = reader.flag();
  if (frameType !== KEY_FRAME || !shown) {
    return { key: false };
  }
  const { decoderModel, equalPictureInterval } = sequence;
  if (decoderModel !== undefined && !equalPictureInterval) {
    reader.skip(decoderModel.framePresentationTime);
  }
  reader.skip(1); // disable_cdf_update; error_resilient_mode is inferred
  screenContent(reader, sequence);
  reader.skip(sequence.frameIdBits);
  const override = reader.flag();
  reader.skip(sequence.orderHintBits);
  if (decoderModel !== undefined && reader.flag()) {
    const { temporal, spatial } = obuLayers(extension);
    for (const { idc, decoderModel: timed } of sequence.operatingPoints) {
      if (timed && (idc === 0 || (((idc >> temporal) & 1) !== 0 && ((idc >> (spatial + 8)) & 1) !== 0))) {
        reader.skip(decoderModel.bufferRemovalTime);
      }
    }
  }
  return { key: true, size: frameSize(reader, sequence, override) };
}

/** `allow_screen_content_tools` and `force_integer_mv`. */
function screenContent(reader: BitReader, sequence: Av1SequenceHeader): void {
  const allowed = sequence.forceScreenContentTools === 2 ? reader.bits(1) : sequence.forceScreenContentTools;
  if (allowed === 1 && sequence.forceIntegerMv === 2) {
    reader.skip(1);
  }
}

/** `frame_size` (5.9.5). */
function frameSize(reader: BitReader, sequence: Av1SequenceHeader, override: boolean): { readonly width: number; readonly height: number } {
  if (!override) {
    return { width: sequence.maxWidth, height: sequence.maxHeight };
  }
  return { width: reader.bits(sequence.frameWidthBits) + 1, height: reader.bits(sequence.frameHeightBits) + 1 };
}
