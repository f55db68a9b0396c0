import type { Millis } from '#core/media/time.ts';
import type { Edges } from '../edges/edges.ts';
import type { MoveReason } from '../edges/edge-route.ts';
import type { Engine, EngineKind, NetworkFigures } from '../engine/engine.ts';
import type { PlaybackMonitor } from './playback-monitor.ts';
import type { RewindReading, RewindState } from './rewind-offer.ts';
import type { RungMemory, RungSwitch } from './rung-memory.ts';

/**
 * What the viewer is told.
 *
 * - `starting`: loading the first picture
 * - `playing`: the picture moves, or was paused by the viewer
 * - `buffering`: the picture stands for want of data
 * - `reconnecting`: the server cannot be reached, or gives no sense; tried again and again
 * - `interrupted`: the broadcaster lost connection and may return
 * - `offline`: nothing is on air; starts by itself
 * - `unknown`: there is no such stream, or no such recording
 * - `ended`: all of a recording was shown
 * - `unsupported`: this browser cannot play it, or the way asked for is not built
 */
export type SessionState = 'starting' | 'playing' | 'buffering' | 'reconnecting' | 'interrupted' | 'offline' | 'unknown' | 'ended' | 'unsupported';

/** Another way the picture came from then on. */
export type WayChange = {
  /** Milliseconds since the page was opened. */
  readonly at: number;
  readonly engine: EngineKind;
  /** Why the one before it was left; null for the first. */
  readonly because: string | null;
};

/** What WebRTC measures on the way to this viewer. */
export type NetworkSnapshot = {
  /** Seconds. */
  readonly roundTrip: number | null;
  /** Share of the packets of the last second that never came, 0 to 1. */
  readonly loss: number | null;
  /** How long frames were kept back to even out their arrival, and how long they are asked to be at least, seconds. */
  readonly jitterBuffer: number | null;
  readonly jitterBufferTarget: number;
  /** Bits per second that the server believes in (null where it does not say), and that arrived in the last second. */
  readonly estimate: number | null;
  readonly received: number | null;
  /** Packets asked for again, and pictures that froze, since the connection began. */
  readonly nacks: number;
  readonly freezes: number;
  readonly transport: 'udp' | 'tcp' | null;
};

/** Another server took over from then on. */
export type EdgeChange = {
  /** Milliseconds since the page was opened. */
  readonly at: number;
  /** Base URL. */
  readonly edge: string;
  /** Why the one before it was left. */
  readonly because: MoveReason;
};

/** Which server serves this viewer. */
export type EdgeSnapshot = {
  /** Base URL. */
  readonly url: string;
  /** How many others could. */
  readonly others: number;
  /** The last 50 changes. */
  readonly moves: readonly EdgeChange[];
};

/** How far back one can go in a broadcast, and where the viewer is. */
export type RewindSnapshot = {
  /** `on`; `lost`: it was on, and cannot be had at the moment. */
  readonly state: Exclude<RewindState, 'none'>;
  /** Seconds. */
  readonly window: number;
  /** Behind the live edge, seconds: zero while it is followed. */
  readonly behind: number;
  /** What is shown comes from what is kept. */
  readonly active: boolean;
};

/** Where a recording stands. */
export type RecordingSnapshot = {
  /** Seconds from its beginning. */
  readonly position: number;
  /** Seconds; null while unknown. */
  readonly duration: number | null;
  /** As the viewer chose it. */
  readonly speed: number;
};

/** One rendition. */
export type SnapshotRung = { readonly label: string; readonly width: number; readonly height: number; readonly bitrate: number };

/** The player's state at an instant, in seconds, bits per second and plain numbers: part of `window.millrace`. */
export type Snapshot = {
  readonly state: SessionState;
  readonly engine: EngineKind | null;
  /** Which way came after which, and why; the last 50. */
  readonly ways: readonly WayChange[];
  /** Null on pages of recordings. */
  readonly edge: EdgeSnapshot | null;
  /** Null while the picture does not come over WebRTC. */
  readonly network: NetworkSnapshot | null;
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
  /** Null where nothing is kept of the broadcast. */
  readonly rewind: RewindSnapshot | null;
  /** Null on pages of live streams. */
  readonly recording: RecordingSnapshot | null;
};

/** What a snapshot is made of. */
export type SnapshotSources = {
  readonly state: SessionState;
  readonly video: HTMLVideoElement;
  readonly engine: Engine | undefined;
  readonly monitor: PlaybackMonitor;
  readonly clockError: Millis;
  readonly rungs: RungMemory;
  readonly ways: readonly WayChange[];
  readonly edges?: Edges | undefined;
  readonly joinTime: number | undefined;
  readonly rewind?: RewindReading;
  readonly recording?: RecordingSnapshot;
};

/** Takes the player's state at this instant. */
export function takeSnapshot(from: SnapshotSources): Snapshot {
  const { video, engine, monitor, rungs } = from;
  const { latency, target, buffer } = monitor.reading;
  // Safari before 11.1 counts no frames.
  const quality = (video as Partial<Pick<HTMLVideoElement, 'getVideoPlaybackQuality'>>).getVideoPlaybackQuality?.call(video);
  return {
    state: from.state,
    engine: engine?.kind ?? null,
    ways: from.ways,
    edge: readEdge(from.edges),
    network: engine?.network === undefined ? null : readNetwork(engine.network),
    latency: seconds(latency),
    targetLatency: seconds(target),
    buffer: buffer / 1_000,
    rate: video.playbackRate,
    level: rungs.shown,
    loadingLevel: engine?.loading ?? -1,
    choice: rungs.choice,
    levels: rungs.rungs,
    throughput: engine?.throughput ?? engine?.network?.estimate ?? null,
    stalls: monitor.stalls,
    stalledTime: monitor.stalledFor / 1_000,
    droppedFrames: quality?.droppedVideoFrames ?? 0,
    totalFrames: quality?.totalVideoFrames ?? 0,
    joinTime: from.joinTime ?? null,
    switches: rungs.switches,
    clockError: Number.isFinite(from.clockError) ? from.clockError / 1_000 : null,
    paused: video.paused,
    muted: video.muted,
    following: monitor.following,
    rewind: readRewind(from.rewind),
    recording: from.recording ?? null,
  };
}

function readEdge(edges: Edges | undefined): EdgeSnapshot | null {
  if (edges === undefined) {
    return null;
  }
  const { base, others, moves } = edges.route;
  return { url: base, others: others.length, moves: moves.map(({ at, to, because }) => ({ at, edge: to, because })) };
}

function readRewind(reading: RewindReading | undefined): RewindSnapshot | null {
  if (reading === undefined || (reading.state === 'none' && !reading.active)) {
    return null;
  }
  const { state, window, behind, active } = reading;
  return { state: state === 'on' ? 'on' : 'lost', window: window / 1_000, behind: behind / 1_000, active };
}

function readNetwork(figures: NetworkFigures): NetworkSnapshot {
  return {
    roundTrip: seconds(figures.roundTrip),
    loss: figures.loss ?? null,
    jitterBuffer: seconds(figures.jitterBuffer),
    jitterBufferTarget: figures.jitterBufferTarget / 1_000,
    estimate: figures.estimate ?? null,
    received: figures.received ?? null,
    nacks: figures.nacks,
    freezes: figures.freezes,
    transport: figures.transport ?? null,
  };
}

function seconds(value: Millis | undefined): number | null {
  return value === undefined ? null : value / 1_000;
}
