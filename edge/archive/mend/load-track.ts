import { join } from 'node:path';

import type { TrackName } from '#core/media/track.ts';

import type { Disk } from '../disk/disk.ts';
import type { OpenFiles } from '../disk/open-files.ts';
import type { IndexHead } from '../format/index-line.ts';
import { indexFile, volumeFile } from '../format/names.ts';
import { KeptTrack } from '../kept-track.ts';
import { readIndex } from './read-index.ts';

/** A track as its index has it. */
export type LoadedTrack = {
  readonly head: IndexHead;
  readonly track: KeptTrack;
  /** Bytes of the index up to its last whole line. */
  readonly indexLength: number;
  /** Whether every line of the index was taken. */
  readonly isWhole: boolean;
};

/** Where the files are, and how they are read. */
export type Reading = { readonly disk: Disk; readonly files: OpenFiles; readonly folder: string };

/** An init segment is below a kilobyte; what claims more is damaged. */
const MAX_INIT_BYTES = 1024 * 1024;

/** Reads the index of a track and its init segments; undefined where it does not say what it is the index of. */
export async function loadTrack({ disk, files, folder }: Reading, name: TrackName): Promise<LoadedTrack | undefined> {
  let head: IndexHead | undefined;
  let track: KeptTrack | undefined;
  let left = 0;
  const { length, damaged } = await readIndex(await disk.readFile(join(folder, indexFile(name))), (line) => {
    if (line.is === 'head' && line.head.track === name) {
      head ??= line.head;
      track ??= new KeptTrack(name, line.head.kind, folder, files);
    }
    const added = track?.apply(line);
    left += line.is === 'segment' && added === undefined ? 1 : 0;
  });
  if (head === undefined || track === undefined) {
    return undefined;
  }
  for (const { number, config, trackConfig, initBytes } of track.volumes.values()) {
    if (track.init(config) === undefined && initBytes <= MAX_INIT_BYTES) {
      const init = await files.read(join(folder, volumeFile(name, number)), 0, initBytes);
      if (init !== undefined) {
        track.addInit(config, trackConfig, init);
      }
    }
  }
  return { head, track, indexLength: length, isWhole: left + damaged === 0 };
}
