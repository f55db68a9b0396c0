import { buildAvcC } from '#core/media/codecs/h264/avcc.ts';
import { joinLengthPrefixed } from '#core/media/codecs/h264/nal-unit.ts';

import { concat } from './client.ts';

/** Parameter sets of x264: High, 1920x1080 and, to change to, Baseline, 640x360. */
export const SETS_1080 = { sps: Uint8Array.fromHex('6764002aacd940780227e5c04400000fa4000753003c60c658'), pps: Uint8Array.fromHex('68ebe3cb22c0') };
/** See {@link SETS_1080}. */
export const SETS_360 = { sps: Uint8Array.fromHex('6742c01ed900a02ff970110000030001000003003c0f162e48'), pps: Uint8Array.fromHex('68cb83cb20') };

/** NAL units that parsers take for what they are; nothing decodes them. */
export const NAL = {
  idr: Uint8Array.of(0x65, 0x88, 0x84, 0x11, 0x22),
  slice: Uint8Array.of(0x41, 0x9a, 0x33, 0x44),
  sei: Uint8Array.of(0x06, 0x05, 0x01, 0xaa, 0x80),
  aud: Uint8Array.of(0x09, 0xf0),
  filler: Uint8Array.of(0x0c, 0xff, 0xff, 0x80),
} as const;

/** An AVC sequence header (FLV, E.4.3.1). */
export function avcHeader(sets: { readonly sps: Uint8Array; readonly pps: Uint8Array } = SETS_1080): Uint8Array {
  return concat(Uint8Array.of(0x17, 0, 0, 0, 0), buildAvcC({ sps: [sets.sps], pps: [sets.pps] }));
}

/** An access unit as a video message. The frame type says key frame where `claimKey` does, whatever is inside. */
export function avcFrame(nals: readonly Uint8Array[], options: { readonly claimKey?: boolean; readonly compositionTime?: number } = {}): Uint8Array {
  const { claimKey = false, compositionTime = 0 } = options;
  return concat(Uint8Array.of(claimKey ? 0x17 : 0x27, 1, compositionTime >> 16, compositionTime >> 8, compositionTime), joinLengthPrefixed(nals));
}

/** An AAC sequence header: AAC-LC, 48 kHz, stereo. */
export function aacHeader(config = '1190'): Uint8Array {
  return concat(Uint8Array.of(0xaf, 0), Uint8Array.fromHex(config));
}

/** An AAC frame. */
export function aacFrame(data = Uint8Array.of(0x21, 0x10, 0x04)): Uint8Array {
  return concat(Uint8Array.of(0xaf, 1), data);
}

/** A video message of Enhanced RTMP. */
export function enhancedVideo(fourCc: string, packetType: number, data: Uint8Array, frameType = 1): Uint8Array {
  return concat(Uint8Array.of(0x80 | (frameType << 4) | packetType), new TextEncoder().encode(fourCc), data);
}

/** An audio message of Enhanced RTMP. */
export function enhancedAudio(fourCc: string, packetType: number, data: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(0x90 | packetType), new TextEncoder().encode(fourCc), data);
}
