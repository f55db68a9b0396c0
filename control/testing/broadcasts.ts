import type { BroadcastInfo, LadderCatalog, SourceCatalog } from '#core/bus/catalog.ts';
import { broadcastId } from '#core/media/frame.ts';
import { millis, timescale, VIDEO_TIMESCALE, wallTime } from '#core/media/time.ts';
import { trackName, type AudioConfig, type VideoConfig } from '#core/media/track.ts';

/** An announcement of `cam1`, for tests. */
export function broadcastInfo(
  given: { stream?: string; broadcast?: string; epoch?: number; state?: BroadcastInfo['state']; startedAt?: number; graceEnds?: number } = {},
): BroadcastInfo {
  return {
    stream: given.stream ?? 'cam1',
    broadcast: broadcastId(given.broadcast ?? 'broadcast1'),
    epoch: given.epoch ?? 1,
    state: given.state ?? 'live',
    startedAt: wallTime(given.startedAt ?? 1_000),
    ...(given.graceEnds === undefined ? {} : { graceEnds: wallTime(given.graceEnds) }),
  };
}

/** A 720p30 configuration, or another size. */
export function videoConfig(width = 1280, height = 720): VideoConfig {
  return {
    kind: 'video', codec: 'h264', codecString: 'avc1.64001f', description: new Uint8Array(16), width, height,
    timescale: VIDEO_TIMESCALE, frameDuration: 3_000, reordered: true,
  };
}

/** AAC, stereo, 48 kHz. */
export function audioConfig(): AudioConfig {
  return {
    kind: 'audio', codec: 'aac', codecString: 'mp4a.40.2', description: new Uint8Array(2), sampleRate: 48_000, channels: 2,
    timescale: timescale(48_000), frameDuration: 1_024,
  };
}

/** What ingest tells of `cam1`: 720p30 with B-frames and sound. */
export function sourceCatalog(given: Partial<SourceCatalog> = {}): SourceCatalog {
  return {
    stream: 'cam1', broadcast: broadcastId('broadcast1'), epoch: 1, fence: 1, protocol: 'rtmp', grouping: { mode: 'source' }, encoder: 'obs-output',
    tracks: [
      { name: trackName('video'), config: videoConfig(), bitrate: 2_500_000, video: { frameRate: 30, variableFrameRate: false, bFrames: true, gopSeconds: 2 } },
      { name: trackName('audio'), config: audioConfig(), bitrate: 160_000 },
    ],
    ...given,
  };
}

/** What the transcoder tells of `cam1`: 720p passed through, 360p encoded, 480p left out. */
export function ladderCatalog(given: Partial<LadderCatalog> = {}): LadderCatalog {
  return {
    stream: 'cam1', broadcast: broadcastId('broadcast1'), epoch: 1, fence: 1, revision: 1, partTarget: millis(214),
    renditions: [
      { track: trackName('video'), label: '720p', faces: ['hls'], mode: 'passthrough', reason: 'The source is H.264 and fits as it is.', config: videoConfig(), frameRate: 30, bandwidth: 3_000_000, averageBandwidth: 2_500_000 },
      { track: trackName('v360'), label: '360p', faces: ['hls', 'webrtc'], mode: 'encoded', reason: 'For viewers with slow connections.', config: videoConfig(640, 360), frameRate: 30, bandwidth: 900_000, averageBandwidth: 700_000 },
      { track: trackName('audio'), label: 'Audio', faces: ['hls'], mode: 'passthrough', reason: 'The source is AAC.', config: audioConfig(), bandwidth: 170_000, averageBandwidth: 160_000 },
    ],
    omitted: [{ label: '480p', reason: 'This machine is not fast enough.' }],
    ...given,
  };
}
