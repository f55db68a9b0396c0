import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import type { Registry } from 'prom-client';

import type { Bus } from '#core/bus/bus.ts';
import type { StreamName } from '#core/bus/catalog.ts';
import { millis, type Clock } from '#core/media/time.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { Archive } from './archive.ts';
import type { Disk } from './disk/disk.ts';
import { systemDisk } from './disk/system-disk.ts';
import { ArchiveMetrics } from './metrics.ts';
import { keepingOf, type ArchiveConfig } from './settings.ts';
import { Shelf } from './shelf.ts';
import { Space } from './space.ts';

/** What {@link openArchive} works with. */
export type ArchiveOptions = {
  readonly config: ArchiveConfig;
  readonly log: Logger;
  readonly metrics: Registry;
  readonly bus: Bus;
  readonly clock: Clock;
  /** Streams that are never recorded, whatever the setting: the demo's. */
  readonly neverRecorded?: readonly StreamName[];
  /** Base URL of this node, where others send viewers who go back in time; undefined while it is not known, or there are no others. */
  readonly url?: () => string | undefined;
  /** Default: the system's. */
  readonly disk?: Disk;
};

/** A start waits so long at most for what earlier processes left; the rest is read beside it. */
const SCAN_GRACE = millis(5000);

const TICK = millis(1000);

const MEBIBYTE = 1024 * 1024;

/** Opens the archive in `<dataDir>/archive`, and mends what a crash has left. Bad files there never stop the start. */
export async function openArchive({ config, log, metrics, bus, clock, neverRecorded = [], url, disk = systemDisk() }: ArchiveOptions): Promise<Archive> {
  const folder = join(config.dataDir, 'archive');
  const shelf = new Shelf({
    folder,
    disk,
    space: new Space(disk, folder, config.archiveMinFreeMegabytes * MEBIBYTE),
    bus,
    keeping: (stream) => keepingOf(stream, config, neverRecorded),
    rewindMaxBytes: config.rewindMaxMegabytes * MEBIBYTE,
    retention: { days: config.recordingDays, bytes: config.recordingGigabytes * 1024 * MEBIBYTE },
    metrics: (gauges) => new ArchiveMetrics(metrics, gauges),
    log,
    clock,
    url,
  });
  const patience = new AbortController();
  await Promise.race([shelf.scanned, setTimeout(SCAN_GRACE, undefined, { signal: patience.signal }).catch(() => undefined)]);
  patience.abort();
  const tick = (): void => {
    shelf.tick().catch((error: unknown) => log.error({ err: error }, 'the archive is in trouble'));
  };
  const timer = setInterval(tick, TICK);
  tick();
  return {
    keep: (info) => shelf.keep(info),
    find: (id) => shelf.find(id),
    open: (id) => shelf.open(id),
    recordings: (stream) => shelf.recordings(stream),
    remove: (id) => shelf.remove(id),
    close: () => {
      clearInterval(timer);
      return shelf.close();
    },
  };
}
