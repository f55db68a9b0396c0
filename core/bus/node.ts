import type { Millis, WallTime } from '../media/time.ts';

/** Name of one running process among those on a bus: `[a-z0-9][a-z0-9-]{0,62}`. Two that run at a time never share one. */
export type NodeId = string;

/** What a process does for the others. */
export type NodeRole = 'ingest' | 'transcode' | 'edge' | 'control';

/**
 * What a process tells the others of itself, about once a second and at each change. A role's own facts stand under its name, and only while the
 * process has that role.
 */
export type NodeInfo = {
  readonly node: NodeId;
  readonly roles: readonly NodeRole[];
  readonly version: string;
  readonly startedAt: WallTime;
  /** Where it stands, in the operator's words (`eu-west`); absent where nobody said. Compared for equality alone. */
  readonly region?: string;
  /** Base URL of its HTTP port as viewers, publishers and other nodes reach it, without a slash at its end. Absent where it has none. */
  readonly url?: string;
  /** True once it was told to stop: it finishes what it has, and nothing new is to be sent its way. */
  readonly draining: boolean;
  readonly ingest?: IngestLoad;
  readonly transcode?: TranscodeLoad;
  readonly edge?: EdgeLoad;
};

/** How full an ingest is. */
export type IngestLoad = {
  readonly publishers: number;
  readonly maxPublishers: number;
  /** Base of RTMP addresses (`rtmp://host:1935/live`) as broadcasters reach it. */
  readonly rtmpUrl?: string;
  /** Whether it takes WHIP. */
  readonly whip: boolean;
};

/** How full a transcoder is, in megapixels per second. */
export type TranscodeLoad = {
  readonly megapixelsPerSecond: number;
  /** What ladders may spend. */
  readonly budget: number;
  /** What the present plans spend. */
  readonly used: number;
  readonly broadcasts: number;
  readonly cores: number;
};

/** How full an edge is. */
export type EdgeLoad = {
  readonly viewers: Readonly<Record<'hls' | 'dash' | 'webrtc', number>>;
  /** 0 idle, 1 full: the largest of what limits it, CPU, viewers, connections. */
  readonly load: number;
  readonly whep: boolean;
  /** It keeps broadcasts on disk, and answers for them under `recordings/<node>`. */
  readonly archive: boolean;
};

/** Nobody hears of a process for so long: it is taken for gone, and what it held is free. */
export const NODE_SILENCE = 2000 as Millis;
