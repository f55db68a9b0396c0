import type { AudioConfig, VideoConfig } from '../../track.ts';
import { box, u16, u32, u8, zeros } from './box.ts';
import type { PixelAspect } from './pixel-aspect.ts';

/** AVCSampleEntry (ISO/IEC 14496-15, 5.4.2.1): parameter sets live here, not in the samples. Pixels that are square need no `pasp`. */
export function avc1(config: VideoConfig, aspect: PixelAspect): Uint8Array {
  return box(
    'avc1',
    // VisualSampleEntry (ISO/IEC 14496-12, 12.1.3)
    zeros(6),
    u16(1), // data_reference_index
    zeros(16),
    u16(config.width, config.height),
    u32(0x0048_0000, 0x0048_0000, 0), // 72 dpi, reserved
    u16(1), // frame_count
    zeros(32), // compressorname
    u16(0x0018, 0xffff), // depth, pre_defined = -1
    avcC(config.description),
    ...(aspect.horizontal === aspect.vertical ? [] : [pasp(aspect)]),
  );
}

/** AVCConfigurationBox (ISO/IEC 14496-15, 5.4.2.1) around an AVCDecoderConfigurationRecord. */
export function avcC(record: Uint8Array): Uint8Array {
  return box('avcC', record);
}

/** PixelAspectRatioBox. */
export function pasp(aspect: PixelAspect): Uint8Array {
  return box('pasp', u32(aspect.horizontal, aspect.vertical));
}

/** MP4AudioSampleEntry (ISO/IEC 14496-14, 5.6) for AAC. */
export function mp4a(config: AudioConfig): Uint8Array {
  return box('mp4a', audioSampleEntry(config), esds(config.description));
}

/** OpusSampleEntry (Encapsulation of Opus in ISOBMFF, 4.3.1). */
export function opus(config: AudioConfig): Uint8Array {
  return box('Opus', audioSampleEntry(config), box('dOps', config.description));
}

/**
 * ESDBox (ISO/IEC 14496-14, 5.6.1) around an AudioSpecificConfig. Bit rates are 0: "unknown" to a reader, and the
 * configuration, which names the init segment, does not hold them.
 */
export function esds(audioSpecificConfig: Uint8Array): Uint8Array {
  const decoderConfig = descriptor(
    0x04, // DecoderConfigDescrTag
    u8(0x40), // objectTypeIndication: ISO/IEC 14496-3
    u8((0x05 << 2) | 1), // streamType audio, upStream 0, reserved 1
    zeros(3), // bufferSizeDB
    u32(0, 0), // maxBitrate, avgBitrate
    descriptor(0x05, audioSpecificConfig), // DecSpecificInfoTag
  );
  const slConfig = descriptor(0x06, u8(0x02)); // SLConfigDescrTag, predefined: MP4
  return box('esds', zeros(4), descriptor(0x03, u16(0), u8(0), decoderConfig, slConfig)); // ES_DescrTag, ES_ID 0
}

/** A descriptor of ISO/IEC 14496-1, 8.3.3: tag, length in 7-bit groups, payload. */
function descriptor(tag: number, ...payload: readonly Uint8Array[]): Uint8Array {
  const size = payload.reduce((sum, piece) => sum + piece.length, 0);
  const length: number[] = [size & 0x7f];
  for (let rest = size >> 7; rest > 0; rest >>= 7) {
    length.unshift((rest & 0x7f) | 0x80);
  }
  const out = new Uint8Array(1 + length.length + size);
  out[0] = tag;
  out.set(length, 1);
  let at = 1 + length.length;
  for (const piece of payload) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
}

/** AudioSampleEntry, version 0 (ISO/IEC 14496-12, 12.2.3). */
function audioSampleEntry(config: AudioConfig): Uint8Array {
  const { sampleRate } = config;
  const out = new Uint8Array(28);
  const view = new DataView(out.buffer);
  view.setUint16(6, 1); // data_reference_index
  view.setUint16(16, config.channels);
  view.setUint16(18, 16); // samplesize
  // 16.16 fixed point: a rate above 65,535 Hz does not fit; readers take it from the codec's own configuration.
  view.setUint32(24, sampleRate < 0x1_0000 ? sampleRate * 0x1_0000 : 0);
  return out;
}
