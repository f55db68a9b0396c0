import { timescale } from '../../time.ts';
import type { AudioConfig } from '../../track.ts';

/** The rate of all Opus clocks (RFC 7587, 4.1). */
export const OPUS_RATE = 48_000;

/**
 * The decoder configuration of Opus as WebRTC carries it. RFC 7587, 7: the RTP clock is 48,000 and the channels are 2 whatever
 * the encoder does.
 *
 * @param frameDuration samples of one packet at 48 kHz; 960 by default.
 */
export function opusConfig(channels: 1 | 2 = 2, frameDuration = 960): AudioConfig {
  return { kind: 'audio', codec: 'opus', codecString: 'opus', description: dOps(channels), sampleRate: OPUS_RATE, channels, timescale: timescale(OPUS_RATE), frameDuration };
}

/**
 * Payload of OpusSpecificBox (Encapsulation of Opus in ISOBMFF, 4.3.2): Version 8, OutputChannelCount 8, PreSkip 16,
 * InputSampleRate 32, OutputGain 16, ChannelMappingFamily 8. PreSkip is 0: RTP has no such thing, every packet sounds.
 */
export function dOps(channels: 1 | 2): Uint8Array {
  const box = new Uint8Array(11);
  box[1] = channels;
  new DataView(box.buffer).setUint32(4, OPUS_RATE);
  return box;
}
