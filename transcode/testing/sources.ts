import type { SourceCatalog, SourceTrack } from '#core/bus/catalog.ts';
import { broadcastId, type Frame } from '#core/media/frame.ts';
import type { Grouping } from '#core/media/grouping.ts';
import { ticks, timescale, VIDEO_TIMESCALE, wallTime } from '#core/media/time.ts';
import type { TimedEvent } from '#core/media/timed-event.ts';
import { configIdOf, trackName, type AudioConfig, type VideoConfig } from '#core/media/track.ts';

/** A source's picture, described for tests. */
export type VideoFacts = {
  readonly width?: number;
  readonly height?: number;
  readonly frameRate?: number;
  readonly variable?: boolean;
  readonly bFrames?: boolean;
  readonly bitrate?: number;
  /** Default: High, level 4. */
  readonly codecString?: string;
};

/** The broadcast of every made-up source. */
export const BROADCAST = broadcastId('unit00000001');

/** A video track as ingest would describe it: 1080p30 without B-frames. */
export function videoTrack(facts: VideoFacts = {}): SourceTrack {
  const { width = 1920, height = 1080, frameRate = 30, variable = false, bFrames = false, bitrate = 6_000_000, codecString = 'avc1.640028' } = facts;
  const config: VideoConfig = {
    kind: 'video',
    codec: 'h264',
    codecString,
    description: Uint8Array.from([1, 0x64, 0, 0x28]),
    width,
    height,
    timescale: VIDEO_TIMESCALE,
    frameDuration: variable ? 0 : VIDEO_TIMESCALE / frameRate,
    reordered: bFrames,
  };
  return { name: trackName('video'), config, bitrate, video: { frameRate, variableFrameRate: variable, bFrames } };
}

/** An AAC track. */
export function audioTrack(): SourceTrack {
  const config: AudioConfig = {
    kind: 'audio',
    codec: 'aac',
    codecString: 'mp4a.40.2',
    description: Uint8Array.from([0x11, 0x90]),
    sampleRate: 48_000,
    channels: 2,
    timescale: timescale(48_000),
    frameDuration: 1024,
  };
  return { name: trackName('audio'), config, bitrate: 128_000 };
}

/** A source's catalog. */
export function sourceCatalog(tracks: readonly SourceTrack[], grouping: Grouping = { mode: 'source' }): SourceCatalog {
  return { stream: 'test', broadcast: BROADCAST, epoch: 0, fence: 1, protocol: 'rtmp', grouping, tracks };
}

/** A message at a pts of 90 kHz; its id follows from `n`. */
export function message(n: number, pts: number): TimedEvent {
  return { id: n.toString(16).padStart(32, '0'), type: 'test', pts: ticks(pts), data: String(n) };
}

/** A source's frame: `head` where it begins a group. */
export function sourceFrame(place: { readonly pts: number; readonly group: number; readonly index: number; readonly key?: boolean; readonly duration?: number; readonly events?: readonly TimedEvent[] }, track = videoTrack()): Frame {
  const { pts, group, index, key = index === 0, duration = 3000, events } = place;
  return {
    broadcast: BROADCAST,
    epoch: 0,
    fence: 1,
    track: track.name,
    group,
    index,
    pts: ticks(pts),
    dts: ticks(pts),
    duration: ticks(duration),
    key,
    config: configIdOf(track.config),
    data: new Uint8Array(10),
    ...(index === 0 ? { head: { config: track.config, wallTime: wallTime(1_000_000 + pts / 90) } } : {}),
    ...(events === undefined ? {} : { events }),
  };
}
