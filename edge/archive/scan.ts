import { join } from 'node:path';

import { isBroadcastId, type BroadcastId } from '#core/media/frame.ts';
import type { WallTime } from '#core/media/time.ts';
import type { Logger } from '#core/runtime/log.ts';

import { diskCode, type Disk } from './disk/disk.ts';
import type { OpenFiles } from './disk/open-files.ts';
import { parseRecord, type BroadcastRecord } from './format/broadcast-file.ts';
import { BROADCAST_FILE, REMOVED_PREFIX } from './format/names.ts';
import { mendBroadcast, type LoadedBroadcast } from './mend/mend-broadcast.ts';

/** What a start finds in the archive's folder. */
export type Findings = {
  finished(record: BroadcastRecord): void;
  /** It has no end: a crash or a stop left it so. It is mended; `changedAt` is when it was last written to. */
  unfinished(loaded: LoadedBroadcast, changedAt: WallTime): Promise<void>;
};

/** Looks through the archive's folder. What is damaged or not ours is left as it is, and stops nothing. */
export async function scan(folder: string, disk: Disk, files: OpenFiles, log: Logger, findings: Findings): Promise<void> {
  const names = await disk.list(folder).catch((error: unknown) => {
    log.warn({ folder, err: error }, 'the archive cannot be read: earlier recordings are not offered');
    return [];
  });
  for (const name of names) {
    const path = join(folder, name);
    try {
      if (name.startsWith(REMOVED_PREFIX)) {
        await disk.remove(path);
      } else if (isBroadcastId(name)) {
        await look({ disk, files, folder: path }, name, log, findings);
      }
    } catch (error) {
      log.warn({ path, err: error }, 'a folder of the archive cannot be read: it is left as it is');
    }
  }
}

type Place = { readonly disk: Disk; readonly files: OpenFiles; readonly folder: string };

async function look(place: Place, id: BroadcastId, log: Logger, findings: Findings): Promise<void> {
  const text = await place.disk.readFile(join(place.folder, BROADCAST_FILE)).catch(() => undefined);
  const record = text && parseRecord(text.toString(), id);
  if (record && record.state !== 'open') {
    findings.finished(record);
    return;
  }
  const changedAt = await lastChange(place);
  const loaded = await mendBroadcast(place, id);
  if (loaded === undefined) {
    log.warn({ folder: place.folder }, 'a folder of the archive does not say what it holds: it is left as it is');
  } else {
    await findings.unfinished(loaded, changedAt);
  }
}

/** When the newest of its files was written to. */
async function lastChange({ disk, folder }: Place): Promise<WallTime> {
  let newest = 0 as WallTime;
  for (const name of await disk.list(folder)) {
    try {
      const { changedAt } = await disk.stat(join(folder, name));
      newest = changedAt > newest ? changedAt : newest;
    } catch (error) {
      if (diskCode(error) === undefined) {
        throw error;
      }
    }
  }
  return newest;
}
