import { availableParallelism } from 'node:os';

import type { Registry } from 'prom-client';

import { parseStreamKey } from '#core/access/stream-key.ts';
import type { Bus } from '#core/bus/bus.ts';
import type { StreamName } from '#core/bus/catalog.ts';
import { systemClock, type Clock } from '#core/media/time.ts';
import type { LadderSetting } from '#core/runtime/config/common.ts';
import { messageOf } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';
import type { Stage } from '#core/runtime/stage.ts';
import { Capacity, type CapacityFacts } from './capacity.ts';
import type { TranscodeConfig } from './config.ts';
import { checkFfmpeg } from './ffmpeg/check.ts';
import { readCapacity, writeCapacity, type ProbeKey } from './probe/cache.ts';
import { measureCapacity } from './probe/probe.ts';
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
};

/** The running transcoder. */
export interface TranscodeStage extends Stage {
  /** What this machine can encode and what of it is in use. */
  readonly capacity: CapacityFacts;
  /** As ffmpeg prints it. */
  readonly ffmpegVersion: string;
  /** Process ids of the encoders that run now. */
  readonly encoders: readonly number[];
}

/** Threads beyond these slice pictures too thinly. */
const MAX_THREADS = 8;
/** Assumed where the measurement fails: a slow machine, so that little is encoded. */
const ASSUMED_MEGAPIXELS = 30;

/**
 * Starts the transcoder: every broadcast on the bus gets its ladder.
 *
 * @throws {MillraceError} `transcode/ffmpeg-missing` or `transcode/ffmpeg-too-old`.
 */
export async function startTranscode(options: TranscodeOptions): Promise<TranscodeStage> {
  const { config, bus, log } = options;
  const { version } = await checkFfmpeg(config.ffmpegPath);
  const threads = config.encoderThreads === 0 ? Math.min(MAX_THREADS, availableParallelism()) : config.encoderThreads;
  const settings: RunSettings = { ffmpegPath: config.ffmpegPath, encoder: config.encoder, preset: config.x264Preset, threads };
  const capacity = new Capacity(config.transcodeCapacity ?? (await capacityOf(settings, version, config.dataDir, log)));
  const { megapixelsPerSecond, budget } = capacity.facts;
  log.info(
    { megapixelsPerSecond: Math.round(megapixelsPerSecond), budget: Math.round(budget), ffmpeg: version, encoder: config.encoder },
    'transcoder ready: the ladder "auto" spends at most 60 % of what this machine encodes',
  );
  const ladders = laddersOf(config);
  const supervisor = new Supervisor({
    bus,
    capacity,
    settings,
    ladderOf: (stream) => ladders.get(stream) ?? config.ladder,
    clock: options.clock ?? systemClock,
    log,
    metrics: transcodeMetrics(options.metrics, capacity),
  });
  return stageOf(supervisor, capacity, version);
}

function stageOf(supervisor: Supervisor, capacity: Capacity, ffmpegVersion: string): TranscodeStage {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  let closing: Promise<void> | undefined;
  return {
    get capacity() {
      return capacity.facts;
    },
    get encoders() {
      return supervisor.pids;
    },
    ffmpegVersion,
    closed,
    close: () => (closing ??= supervisor.close().then(resolve)),
  };
}

async function capacityOf(settings: RunSettings, ffmpegVersion: string, dataDir: string, log: Logger): Promise<number> {
  const key: ProbeKey = { ffmpegVersion, encoder: settings.encoder, preset: settings.preset, threads: settings.threads };
  const known = await readCapacity(dataDir, key);
  if (known !== undefined) {
    return known;
  }
  try {
    log.info('measuring how fast this machine encodes, once');
    const measured = await measureWithFallback(settings, log);
    await writeCapacity(dataDir, key, measured).catch((thrown: unknown) => {
      log.warn({ reason: messageOf(thrown) }, 'the measured encoding speed could not be kept for the next start');
    });
    return measured;
  } catch (thrown) {
    log.warn({ reason: messageOf(thrown), assumed: ASSUMED_MEGAPIXELS }, 'the encoding speed of this machine could not be measured');
    return ASSUMED_MEGAPIXELS;
  }
}

/** Hardware that does not work is measured as what takes over from it. */
async function measureWithFallback(settings: RunSettings, log: Logger): Promise<number> {
  try {
    return await measureCapacity(settings, log);
  } catch (thrown) {
    if (settings.encoder === 'x264') {
      throw thrown;
    }
    return measureCapacity({ ...settings, encoder: 'x264' }, log);
  }
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
