import { isTrackName, type TrackName } from '#core/media/track.ts';

/** What a broadcast is, in its folder. */
export const BROADCAST_FILE = 'broadcast.json';

/** Messages on the timeline, a line of JSON each. */
export const EVENTS_FILE = 'events.jsonl';

/** Begins the names of folders that are being removed: a crash on the way leaves nothing that looks like a broadcast. */
export const REMOVED_PREFIX = '.removed-';

/** File of a track's volume. */
export function volumeFile(track: TrackName, volume: number): string {
  return `${track}.${volume}.mp4`;
}

/** File of a track's index. */
export function indexFile(track: TrackName): string {
  return `${track}.index`;
}

/** The track whose index a file is. */
export function trackOfIndex(name: string): TrackName | undefined {
  const track = name.endsWith('.index') ? name.slice(0, -'.index'.length) : '';
  return isTrackName(track) ? track : undefined;
}

/** Number of the volume of a track that a file is. */
export function volumeOfFile(name: string, track: TrackName): number | undefined {
  const number = name.startsWith(`${track}.`) ? /^(\d{1,9})\.mp4$/.exec(name.slice(track.length + 1))?.[1] : undefined;
  return number === undefined ? undefined : Number(number);
}
