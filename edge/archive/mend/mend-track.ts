import { join } from 'node:path';

import { sizeOf } from '../disk/disk.ts';
import type { GoodLengths } from '../disk/track-files.ts';
import type { IndexLine } from '../format/index-line.ts';
import { volumeFile } from '../format/names.ts';
import type { KeptTrack, Volume } from '../kept-track.ts';
import type { LoadedTrack, Reading } from './load-track.ts';
import { isSegment, walkSegments } from './walk-segments.ts';

/** Behind the last line no more is looked at: what a crash leaves there is at most what one write had in work. */
const MAX_TAIL = 64 * 1024 * 1024;

/** A track that was mended. */
export type MendedTrack = LoadedTrack & {
  readonly good: GoodLengths;
  /** Whether the index says something else than what is there, and is to be written anew. */
  readonly isStale: boolean;
};

/**
 * Holds an index against its volumes: what they do not hold is taken out, what they hold behind the last line is taken in. Nothing on disk is changed.
 */
export async function mendTrack(reading: Reading, loaded: LoadedTrack): Promise<MendedTrack> {
  const { track, indexLength } = loaded;
  let isStale = !loaded.isWhole;
  const sizes = new Map<number, number>();
  for (const volume of [...track.volumes.values()]) {
    const size = await sizeOf(reading.disk, join(reading.folder, volumeFile(track.track, volume.number)));
    if (size === undefined || size < volume.initBytes || track.init(volume.config) === undefined) {
      track.dropVolume(volume.number);
      isStale = true;
    } else {
      sizes.set(volume.number, size);
      isStale = cutToSize(track, volume, size) || isStale;
    }
  }
  isStale = (await dropTorn(reading, track)) || isStale;
  isStale = (await takeIn(reading, track, sizes)) || isStale;
  const open = [...track.volumes.values()].filter(({ finishedBytes }) => finishedBytes === undefined);
  return { ...loaded, isStale, good: { index: indexLength, volumes: new Map(open.map(({ number, end }) => [number, end])) } };
}

/** Takes out segments that end behind the file's end. */
function cutToSize(track: KeptTrack, volume: Volume, size: number): boolean {
  if (volume.finishedBytes !== undefined && volume.finishedBytes !== size) {
    track.unfinish(volume);
  }
  if (volume.end <= size) {
    return false;
  }
  track.keepOnly((segment) => segment.volume !== volume.number || segment.offset + segment.bytes <= size);
  return true;
}

/** Takes out last segments whose boxes are not whole: after a loss of power the size of a file may run ahead of its bytes. */
async function dropTorn(reading: Reading, track: KeptTrack): Promise<boolean> {
  const { segments } = track;
  let good = segments.length - 1;
  for (let looks = 1; good >= 0; looks++) {
    const segment = segments[good]!;
    const bytes = await track.read(segment);
    if (bytes !== undefined && isSegment(bytes, segment.group)) {
      break;
    }
    // One by one where a write was cut; in strides where a disk has lost much, for a day of segments could not be read one by one.
    good -= Math.max(1, looks - 16);
  }
  reading.files.forget(reading.folder);
  const last = segments[good]?.group ?? -1;
  const isTorn = last !== (track.newest?.group ?? -1);
  track.keepOnly(({ group }) => group <= last);
  return isTorn;
}

/** Takes in segments behind the last line. */
async function takeIn({ files, folder }: Reading, track: KeptTrack, sizes: ReadonlyMap<number, number>): Promise<boolean> {
  const last = track.newest;
  const volume = last === undefined ? undefined : track.volumes.get(last.volume);
  const tail = volume === undefined ? 0 : Math.min((sizes.get(volume.number) ?? 0) - volume.end, MAX_TAIL);
  if (last === undefined || volume === undefined || volume.finishedBytes !== undefined || tail <= 0) {
    return false;
  }
  const bytes = await files.read(join(folder, volumeFile(track.track, volume.number)), volume.end, tail);
  const found = bytes === undefined ? [] : walkSegments(bytes, last);
  const lines = found.map((segment): IndexLine => ({ is: 'segment', segment }));
  lines.forEach((line) => track.apply(line));
  return lines.length > 0;
}
