import type { LadderCatalog, Rendition, SourceTrack } from '#core/bus/catalog.ts';
import { timescale } from '#core/media/time.ts';
import { trackName, type AudioConfig, type TrackName } from '#core/media/track.ts';

/** An Opus track to be encoded for WebRTC viewers. */
export type OpusEncode = { readonly track: TrackName; readonly input: AudioConfig; readonly bitrate: number; readonly config: AudioConfig };

/** What becomes of the source's sound. */
export type AudioPlan = { readonly renditions: readonly Rendition[]; readonly omitted: LadderCatalog['omitted']; readonly opus?: OpusEncode };

const OPUS_BITRATE = 96_000;
const UNKNOWN_BITRATE = 128_000;

/** AAC goes through to HLS as it is; WebRTC needs Opus, which is made only when asked for. */
export function audioRenditions(tracks: readonly SourceTrack[], opusWanted: boolean): AudioPlan {
  const track = tracks.find(({ config }) => config.kind === 'audio');
  if (track === undefined || track.config.kind !== 'audio') {
    return { renditions: [], omitted: [] };
  }
  const mean = track.bitrate > 0 ? track.bitrate : UNKNOWN_BITRATE;
  const passed: Rendition = {
    track: track.name,
    label: 'Audio',
    faces: track.config.codec === 'opus' ? ['hls', 'webrtc'] : ['hls'],
    mode: 'passthrough',
    reason: track.config.codec === 'opus' ? 'Passed through as it was sent.' : 'Passed through as it was sent; WebRTC needs Opus instead.',
    config: track.config,
    bandwidth: Math.round(mean * 1.1),
    averageBandwidth: mean,
  };
  if (!opusWanted || track.config.codec === 'opus') {
    return { renditions: [passed], omitted: [] };
  }
  const opus: OpusEncode = { track: trackName('opus'), input: track.config, bitrate: OPUS_BITRATE, config: opusConfig(Math.min(2, track.config.channels)) };
  const encoded: Rendition = {
    track: opus.track,
    label: 'Audio',
    faces: ['webrtc'],
    mode: 'encoded',
    reason: 'Encoded to Opus for WebRTC, which cannot play AAC.',
    config: opus.config,
    bandwidth: Math.round(OPUS_BITRATE * 1.1),
    averageBandwidth: OPUS_BITRATE,
  };
  return { renditions: [passed, encoded], omitted: [], opus };
}

function opusConfig(channels: number): AudioConfig {
  const rate = 48_000;
  return {
    kind: 'audio',
    codec: 'opus',
    codecString: 'opus',
    description: new Uint8Array(),
    sampleRate: rate,
    channels,
    timescale: timescale(rate),
    frameDuration: 960,
  };
}
