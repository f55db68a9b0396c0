import type { Millis } from '#core/media/time.ts';
import type { Engine } from '../engine/engine.ts';
import type { PlaybackMonitor } from './playback-monitor.ts';

/**
 * What the viewer is told.
 *
 * - `starting`: loading the first picture
 * - `playing`: the picture moves, or was paused by the viewer
 * - `buffering`: the picture stands for want of data
 * - `reconnecting`: the server cannot be reached, or gives no sense; tried again and again
 * - `interrupted`: the broadcaster lost connection and may return
 * - `offline`: nothing is on air; starts by itself
 * - `unknown`: there is no such stream
 * - `unsupported`: this browser cannot play it, or the way asked for is not built
 */
export type SessionState = 'starting' | 'playing' | 'buffering' | 'reconnecting' | 'interrupted' | 'offline' | 'unknown' | 'unsupported';

/** A change of the rendition being shown. */
export type RungSwitch = {
  /** Milliseconds since the page was opened. */
  readonly at: number;
  readonly from: number;
  readonly to: number;
};

/** One rendition. */
export type SnapshotRung = { readonly label: string; readonly width: number; readonly height: number; readonly bitrate: number };

/** The player's state at an instant, in seconds, bits per second and plain numbers: part of `window.millrace`. */
export type Snapshot = {
  readonly state: SessionState;
  readonly engine: 'hls' | 'native' | 'webrtc' | 'dash' | null;
  /** From the drawn frame to the shown one, seconds, by the server's clock; null while unknown. */
  readonly latency: number | null;
  /** The latency the player aims at, seconds. */
  readonly targetLatency: number | null;
  /** Media ahead of the playhead, seconds. */
  readonly buffer: number;
  /** Playback rate, 0.95 to 1.05. */
  readonly rate: number;
  /** Index in {@link Snapshot.levels} of the rendition shown, -1 while none is. */
  readonly level: number;
  /** Index of the rendition being loaded. */
  readonly loadingLevel: number;
  /** The viewer's choice. */
  readonly choice: number | 'auto';
  readonly levels: readonly SnapshotRung[];
  /** Bits per second; null while unknown. */
  readonly throughput: number | null;
  /** Times the picture stood still for want of data after it had begun. */
  readonly stalls: number;
  /** For how long in all, seconds. */
  readonly stalledTime: number;
  readonly droppedFrames: number;
  readonly totalFrames: number;
  /** Milliseconds from opening the page to the first picture; null before it. */
  readonly joinTime: number | null;
  /** The last 100 changes of the rendition shown. */
  readonly switches: readonly RungSwitch[];
  /** How wrong the clock may be at most, seconds; null before the first answer of `/time`. */
  readonly clockError: number | null;
  readonly paused: boolean;
  readonly muted: boolean;
  /** False when the viewer went back and watches behind the live edge. */
  readonly following: boolean;
};

/** What a snapshot is made of. */
export type SnapshotSources = {
  readonly state: SessionState;
  readonly video: HTMLVideoElement;
  readonly engine: Engine | undefined;
  readonly monitor: PlaybackMonitor;
  readonly clockError: Millis;
  readonly shown: number;
  readonly rungs: readonly SnapshotRung[];
  readonly choice: number | 'auto';
  readonly switches: readonly RungSwitch[];
  readonly joinTime: number | undefined;
};

/** Takes the player's state at this instant. */
export function takeSnapshot(from: SnapshotSources): Snapshot {
  const { video, engine, monitor } = from;
  const { latency, target, buffer } = monitor.reading;
  // Safari before 11.1 counts no frames.
  const quality = (video as Partial<Pick<HTMLVideoElement, 'getVideoPlaybackQuality'>>).getVideoPlaybackQuality?.call(video);
  return {
    state: from.state,
    engine: engine?.kind ?? null,
    latency: seconds(latency),
    targetLatency: seconds(target),
    buffer: buffer / 1_000,
    rate: video.playbackRate,
    level: from.shown,
    loadingLevel: engine?.loading ?? -1,
    choice: from.choice,
    levels: from.rungs,
    throughput: engine?.throughput ?? null,
    stalls: monitor.stalls,
    stalledTime: monitor.stalledFor / 1_000,
    droppedFrames: quality?.droppedVideoFrames ?? 0,
    totalFrames: quality?.totalVideoFrames ?? 0,
    joinTime: from.joinTime ?? null,
    switches: from.switches,
    clockError: Number.isFinite(from.clockError) ? from.clockError / 1_000 : null,
    paused: video.paused,
    muted: video.muted,
    following: monitor.following,
  };
}

function seconds(value: Millis | undefined): number | null {
  return value === undefined ? null : value / 1_000;
}
