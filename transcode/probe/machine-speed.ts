import { messageOf } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';
import type { Capacity } from '../capacity.ts';
import { systemLoad } from '../supervisor/load.ts';
import type { RunSettings } from '../supervisor/run.ts';
import { keepHigher, readCapacity, type ProbeKey } from './cache.ts';
import { measureCapacity } from './probe.ts';
import { Recheck, type RecheckOptions } from './recheck.ts';

/** What a measurement of this machine works with. */
export type MachineSpeedOptions = {
  readonly settings: RunSettings;
  readonly ffmpegVersion: string;
  /** Where measurements are kept. */
  readonly dataDir: string;
  readonly log: Logger;
};

/** Assumed where the measurement fails: a slow machine, so that little is encoded. */
const ASSUMED_MEGAPIXELS = 30;

/** What this machine encodes, in megapixels per second: as an earlier start measured it, else measured now. Never throws. */
export async function machineSpeed(options: MachineSpeedOptions): Promise<number> {
  const { settings, dataDir, log } = options;
  const known = await readCapacity(dataDir, keyOf(options));
  if (known !== undefined) {
    return known;
  }
  try {
    log.info('measuring how fast this machine encodes, once');
    const measured = await measureWithFallback(settings, log);
    await keep(options, measured);
    return measured;
  } catch (thrown) {
    log.warn({ reason: messageOf(thrown), assumed: ASSUMED_MEGAPIXELS }, 'the encoding speed of this machine could not be measured');
    return ASSUMED_MEGAPIXELS;
  }
}

/** Measures again when the machine is calm, and raises what ladders may spend where more is found. */
export function recheckOf(options: MachineSpeedOptions, capacity: Capacity, when: Pick<RecheckOptions, 'clock' | 'busy'> & Partial<Pick<RecheckOptions, 'load'>>): Recheck {
  const { settings, log } = options;
  return new Recheck({
    load: systemLoad(),
    ...when,
    measure: (signal) => measureWithFallback(settings, log, signal),
    onMeasured: (measured) => {
      const before = capacity.megapixelsPerSecond;
      log.debug({ before, measured }, 'the calm machine was measured again');
      if (measured > before) {
        capacity.raiseTo(measured);
        log.info({ before: Math.round(before), now: Math.round(measured), budget: Math.round(capacity.budget) }, 'this machine encodes faster than was measured before: ladders may spend more');
        void keep(options, measured);
      }
    },
    onFailed: (thrown) => log.debug({ reason: messageOf(thrown) }, 'the encoding speed could not be measured again'),
  });
}

function keyOf({ settings, ffmpegVersion }: MachineSpeedOptions): ProbeKey {
  return { ffmpegVersion, encoder: settings.encoder, preset: settings.preset, threads: settings.threads };
}

async function keep(options: MachineSpeedOptions, measured: number): Promise<void> {
  try {
    await keepHigher(options.dataDir, keyOf(options), measured);
  } catch (thrown) {
    options.log.warn({ reason: messageOf(thrown) }, 'the measured encoding speed could not be kept for the next start');
  }
}

/** Hardware that does not work is measured as what takes over from it. */
async function measureWithFallback(settings: RunSettings, log: Logger, signal?: AbortSignal): Promise<number> {
  try {
    return await measureCapacity(settings, log, signal);
  } catch (thrown) {
    if (settings.encoder === 'x264' || signal?.aborted === true) {
      throw thrown;
    }
    return measureCapacity({ ...settings, encoder: 'x264' }, log, signal);
  }
}
