import type { Face, LadderCatalog, Rendition, SourceTrack } from '#core/bus/catalog.ts';
import { buildAudioSpecificConfig } from '#core/media/codecs/aac/audio-specific-config.ts';
import { timescale } from '#core/media/time.ts';
import { trackName, type AudioConfig, type TrackName } from '#core/media/track.ts';

/** Sound to be encoded: Opus for WebRTC where the source is AAC, AAC for HLS where it is Opus. */
export type AudioEncode = {
  readonly track: TrackName;
  readonly input: AudioConfig;
  /** Mean bits per second. */
  readonly bitrate: number;
  /** The configuration of every encoded frame. */
  readonly config: AudioConfig;
};

/** What becomes of the source's sound. */
export type AudioPlan = { readonly renditions: readonly Rendition[]; readonly omitted: LadderCatalog['omitted']; readonly encode?: AudioEncode };

const OPUS_BITRATE = 96_000;
const AAC_BITRATE = 128_000;
const UNKNOWN_BITRATE = 128_000;
/** Rate of all encoded sound: the only one of Opus, and every decoder's native one. */
const RATE = 48_000;

/** The loudest second of sound takes this much of its mean, ... */
const PEAK = 1.1;
/** ... and CMAF adds the boxes of five chunks a second (6 kbit/s) and, where there is no picture, a message now and then. */
const CONTAINER = 16_000;

/** How sound is to be offered. */
export type AudioWishes = {
  /** A WebRTC viewer needs Opus. */
  readonly opus: boolean;
  /** Whatever was sent is passed through to HLS too (ladder `source`). */
  readonly passAnything: boolean;
};

/** AAC goes through to HLS as it is, Opus to WebRTC; what a face cannot play is encoded for it. */
export function audioRenditions(tracks: readonly SourceTrack[], wishes: AudioWishes): AudioPlan {
  const track = tracks.find(({ config }) => config.kind === 'audio');
  if (track === undefined || track.config.kind !== 'audio') {
    return { renditions: [], omitted: [] };
  }
  return track.config.codec === 'opus' ? ofOpus(track, track.config, wishes.passAnything) : ofAac(track, track.config, wishes.opus);
}

function ofAac(track: SourceTrack, input: AudioConfig, opusWanted: boolean): AudioPlan {
  const passed = passedThrough(track, ['hls'], 'Passed through as it was sent; WebRTC needs Opus instead.');
  if (!opusWanted) {
    return { renditions: [passed], omitted: [] };
  }
  const encode: AudioEncode = { track: trackName('opus'), input, bitrate: OPUS_BITRATE, config: opusConfig(stereoAtMost(input)) };
  return { renditions: [passed, encoded(encode, 'webrtc', 'Encoded to Opus for WebRTC, which cannot play AAC.')], omitted: [], encode };
}

function ofOpus(track: SourceTrack, input: AudioConfig, passAnything: boolean): AudioPlan {
  if (passAnything) {
    return { renditions: [passedThrough(track, ['hls', 'webrtc'], 'Passed through as it was sent.')], omitted: [] };
  }
  const encode: AudioEncode = { track: trackName('aac'), input, bitrate: AAC_BITRATE, config: aacConfig(stereoAtMost(input)) };
  const passed = passedThrough(track, ['webrtc'], 'Passed through to WebRTC as it was sent; HLS gets AAC instead.');
  return { renditions: [encoded(encode, 'hls', 'Encoded to AAC for HLS, because not every player there plays Opus.'), passed], omitted: [], encode };
}

function passedThrough(track: SourceTrack, faces: readonly Face[], reason: string): Rendition {
  const mean = track.bitrate > 0 ? track.bitrate : UNKNOWN_BITRATE;
  return { track: track.name, label: 'Audio', faces, mode: 'passthrough', reason, config: track.config, bandwidth: peakOf(mean), averageBandwidth: mean };
}

function encoded({ track, config, bitrate }: AudioEncode, face: Face, reason: string): Rendition {
  return { track, label: 'Audio', faces: [face], mode: 'encoded', reason, config, bandwidth: peakOf(bitrate), averageBandwidth: bitrate };
}

function peakOf(mean: number): number {
  return Math.round(mean * PEAK) + CONTAINER;
}

function stereoAtMost({ channels }: AudioConfig): number {
  return Math.min(2, channels);
}

function opusConfig(channels: number): AudioConfig {
  return { kind: 'audio', codec: 'opus', codecString: 'opus', description: dOps(channels), sampleRate: RATE, channels, timescale: timescale(RATE), frameDuration: 960 };
}

function aacConfig(channels: number): AudioConfig {
  const description = buildAudioSpecificConfig({ sampleRate: RATE, channels });
  return { kind: 'audio', codec: 'aac', codecString: 'mp4a.40.2', description, sampleRate: RATE, channels, timescale: timescale(RATE), frameDuration: 1024 };
}

/**
 * Payload of OpusSpecificBox (Encapsulation of Opus in ISOBMFF, 4.3.2): Version 0, OutputChannelCount 8, PreSkip 16,
 * InputSampleRate 32, OutputGain 16, ChannelMappingFamily 8. PreSkip is 0: the encoder's delay is taken off each pts, so
 * what comes out of a decoder lies where it belongs from the first sample on, wherever a viewer enters.
 */
function dOps(channels: number): Uint8Array {
  const box = new Uint8Array(11);
  box[1] = channels;
  new DataView(box.buffer).setUint32(4, RATE);
  return box;
}
