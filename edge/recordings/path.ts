import { isBroadcastId, type BroadcastId } from '#core/media/frame.ts';
import { isTrackName, type ConfigId, type TrackName } from '#core/media/track.ts';

/** Every URL of a recording begins so, behind the base path. */
export const RECORDINGS_PREFIX = '/recordings/';

/** What a URL of a recording names. */
export type RecordingTarget =
  | { readonly kind: 'master' | 'mpd' | 'download'; readonly id: BroadcastId }
  | { readonly kind: 'picture'; readonly id: BroadcastId; readonly file: string }
  | { readonly kind: 'playlist'; readonly id: BroadcastId; readonly track: TrackName }
  | { readonly kind: 'init'; readonly id: BroadcastId; readonly track: TrackName; readonly config: ConfigId }
  | { readonly kind: 'segment'; readonly id: BroadcastId; readonly track: TrackName; readonly group: number };

const wholeFiles: Readonly<Record<string, 'master' | 'mpd' | 'download'>> = { 'master.m3u8': 'master', 'manifest.mpd': 'mpd', 'download.mp4': 'download' };

/**
 * Reads a path `/recordings/<id>/{master.m3u8, manifest.mpd, download.mp4, poster.jpg, storyboard.vtt, storyboard-<n>.jpg}` or
 * `/recordings/<id>/<track>/{index.m3u8, init-<config>.mp4, <group>.m4s}`.
 *
 * @returns `page` for `/recordings/<id>` and what else has no file; undefined where it is malformed.
 */
export function parseRecordingPath(path: string): RecordingTarget | 'page' | undefined {
  const [id = '', ...rest] = path.slice(RECORDINGS_PREFIX.length).split('/');
  if (rest.length === 0 || (rest.length === 1 && rest[0] === '')) {
    return 'page';
  }
  if (!isBroadcastId(id)) {
    return undefined;
  }
  const [first = '', second = ''] = rest;
  if (rest.length === 1) {
    const kind = Object.hasOwn(wholeFiles, first) ? wholeFiles[first] : undefined;
    if (kind !== undefined) {
      return { kind, id };
    }
    return /^(poster\.jpg|storyboard\.vtt|storyboard-\d{1,6}\.jpg)$/.test(first) ? { kind: 'picture', id, file: first } : undefined;
  }
  return rest.length === 2 && isTrackName(first) ? fileOfTrack(id, first, second) : undefined;
}

function fileOfTrack(id: BroadcastId, track: TrackName, file: string): RecordingTarget | undefined {
  if (file === 'index.m3u8') {
    return { kind: 'playlist', id, track };
  }
  const segment = /^(\d{1,15})\.m4s$/.exec(file);
  if (segment !== null) {
    return { kind: 'segment', id, track, group: Number(segment[1]) };
  }
  const init = /^init-([0-9a-f]{16})\.mp4$/.exec(file);
  return init === null ? undefined : { kind: 'init', id, track, config: init[1] as ConfigId };
}
