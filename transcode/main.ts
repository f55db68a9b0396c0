import { availableParallelism } from 'node:os';

import type { Registry } from 'prom-client';

import { parseStreamKey } from '#core/access/stream-key.ts';
import type { Bus } from '#core/bus/bus.ts';
import type { StreamName } from '#core/bus/catalog.ts';
import type { NodeId, TranscodeLoad } from '#core/bus/node.ts';
import { systemClock, type Clock, type Millis } from '#core/media/time.ts';
import type { Nodes } from '#core/placement/nodes.ts';
import type { LadderSetting } from '#core/runtime/config/common.ts';
import type { Logger } from '#core/runtime/log.ts';
import type { Stage } from '#core/runtime/stage.ts';
import { Capacity, type CapacityFacts } from './capacity.ts';
import type { TranscodeConfig } from './config.ts';
import { checkFfmpeg } from './ffmpeg/check.ts';
import { machineSpeed, recheckOf, type MachineSpeedOptions } from './probe/machine-speed.ts';
import type { Recheck } from './probe/recheck.ts';
import { transcodeMetrics } from './supervisor/metrics.ts';
import type { RunSettings } from './supervisor/run.ts';
import { Supervisor } from './supervisor/supervisor.ts';

/** What the transcoder is composed of. */
export type TranscodeOptions = {
  readonly config: TranscodeConfig;
  readonly bus: Bus;
  readonly log: Logger;
  readonly metrics: Registry;
  readonly clock?: Clock;
  /** Name of this process among those on the bus; absent where it is alone. */
  readonly node?: NodeId;
  /** The processes on the bus; default: as the bus tells. */
  readonly nodes?: Nodes;
};

/** The running transcoder. */
export interface TranscodeStage extends Stage {
  /** What this machine can encode and what of it is in use. */
  readonly capacity: CapacityFacts;
  /** What it tells the others of itself (`NodeInfo.transcode`). */
  readonly load: TranscodeLoad;
  /**
   * Takes no new broadcast and hands those that it has to other transcoders, each at a group. Settles when all have moved, or after `limit`: where
   * nobody is there it goes on until then. {@link Stage.close} ends what is left.
   */
  drain(limit: Millis): Promise<void>;
  /** As ffmpeg prints it. */
  readonly ffmpegVersion: string;
  /** Process ids of the encoders that run now. */
  readonly encoders: readonly number[];
}

/** Threads beyond these slice pictures too thinly. */
const MAX_THREADS = 8;
/** How often the machine is looked at until it was measured again. */
const RECHECK_MILLIS = 1000;

/**
 * Starts the transcoder: every broadcast on the bus gets its ladder.
 *
 * @throws {MillraceError} `transcode/ffmpeg-missing` or `transcode/ffmpeg-too-old`.
 */
export async function startTranscode(options: TranscodeOptions): Promise<TranscodeStage> {
  const { config, bus, log } = options;
  const { version, opus } = await checkFfmpeg(config.ffmpegPath);
  if (!opus) {
    log.warn({ ffmpeg: version }, 'this ffmpeg was built without libopus: WebRTC viewers of AAC sources get no sound');
  }
  const threads = config.encoderThreads === 0 ? Math.min(MAX_THREADS, availableParallelism()) : config.encoderThreads;
  const settings: RunSettings = { ffmpegPath: config.ffmpegPath, encoder: config.encoder, preset: config.x264Preset, threads };
  const machine: MachineSpeedOptions = { settings, ffmpegVersion: version, dataDir: config.dataDir, log };
  const capacity = new Capacity(config.transcodeCapacity ?? (await machineSpeed(machine)));
  const { megapixelsPerSecond, budget } = capacity.facts;
  log.info(
    { megapixelsPerSecond: Math.round(megapixelsPerSecond), budget: Math.round(budget), ffmpeg: version, encoder: config.encoder },
    'transcoder ready: the ladder "auto" spends at most 60 % of what this machine encodes',
  );
  const ladders = laddersOf(config);
  const clock = options.clock ?? systemClock;
  const supervisor = new Supervisor({
    bus,
    node: options.node,
    nodes: options.nodes,
    cores: availableParallelism(),
    capacity,
    settings,
    ladderOf: (stream) => ladders.get(stream) ?? config.ladder,
    webrtc: config.webrtcRenditions,
    profile: config.h264Profile,
    opus,
    clock,
    log,
    metrics: transcodeMetrics(options.metrics, capacity),
  });
  const recheck = config.transcodeCapacity === undefined ? recheckOf(machine, capacity, { clock, busy: () => supervisor.busy }) : undefined;
  return stageOf(supervisor, capacity, version, recheck);
}

function stageOf(supervisor: Supervisor, capacity: Capacity, ffmpegVersion: string, recheck: Recheck | undefined): TranscodeStage {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const timer = setInterval(() => (recheck?.done === false ? recheck.tick() : clearInterval(timer)), RECHECK_MILLIS).unref();
  const close = async (): Promise<void> => {
    clearInterval(timer);
    await Promise.all([recheck?.close(), supervisor.close()]);
    resolve();
  };
  let closing: Promise<void> | undefined;
  return {
    get capacity() {
      return capacity.facts;
    },
    get encoders() {
      return supervisor.pids;
    },
    get load() {
      return supervisor.load;
    },
    ffmpegVersion,
    closed,
    drain: (limit) => supervisor.drain(limit),
    close: () => (closing ??= close()),
  };
}

function laddersOf(config: TranscodeConfig): ReadonlyMap<StreamName, LadderSetting> {
  const ladders = new Map<StreamName, LadderSetting>();
  for (const { key, ladder } of config.streams) {
    const stream = parseStreamKey(key)?.stream;
    if (stream !== undefined && ladder !== undefined) {
      ladders.set(stream, ladder);
    }
  }
  return ladders;
}
