import type { StreamName } from '#core/bus/catalog.ts';
import { isStreamName } from '#core/access/stream-key.ts';
import { isBroadcastId, type BroadcastId } from '#core/media/frame.ts';
import { isTrackName, type ConfigId, type TrackName } from '#core/media/track.ts';

import type { PictureTarget } from '../pictures/pictures.ts';

type OfTrack = { readonly stream: StreamName; readonly broadcast: BroadcastId; readonly track: TrackName };

/** What a media URL names. */
export type MediaTarget =
  | { readonly kind: 'master'; readonly stream: StreamName; readonly isSigned?: true }
  | (OfTrack & { readonly kind: 'playlist' })
  | (OfTrack & { readonly kind: 'init'; readonly config: ConfigId })
  | (OfTrack & { readonly kind: 'segment'; readonly group: number })
  | (OfTrack & { readonly kind: 'part'; readonly group: number; readonly part: number })
  /** The LL-DASH manifest. */
  | { readonly kind: 'manifest'; readonly stream: StreamName; readonly isSigned?: true }
  /** The rewind window's playlist: the multivariant one, or that of a track. */
  | { readonly kind: 'rewind'; readonly stream: StreamName; readonly of?: undefined }
  | { readonly kind: 'rewind'; readonly stream: StreamName; readonly of: { readonly broadcast: BroadcastId; readonly track: TrackName } }
  | { readonly kind: 'picture'; readonly stream: StreamName; readonly picture: PictureTarget }
  /** Well formed, but nothing that is served. */
  | { readonly kind: 'other'; readonly stream: StreamName };

/** Every media URL begins so, behind the base path. */
export const MEDIA_PREFIX = '/live/';

const tokenPattern = /^~[A-Za-z0-9._~-]{1,2048}$/;
const initPattern = /^init-([0-9a-f]{16})\.mp4$/;
const segmentPattern = /^(\d{1,15})\.m4s$/;
const storyboardPattern = /^storyboard(\.vtt|-\d{1,9}\.jpg)$/;
const partPattern = /^(\d{1,15})\.(\d{1,5})\.m4s$/;

/**
 * Reads a media path: `/live/<stream>[/~<token>]/{master.m3u8, manifest.mpd, rewind.m3u8, poster.jpg, thumbnail.jpg}`,
 * `/live/<stream>[/~<token>]/<broadcast>/{storyboard.vtt, storyboard-<n>.jpg}` or
 * `/live/<stream>[/~<token>]/<broadcast>/<track>/{index.m3u8, rewind.m3u8, init-<config>.mp4, <group>.m4s, <group>.<part>.m4s}`.
 *
 * @returns undefined where it is malformed.
 */
export function parseMediaPath(path: string): MediaTarget | undefined {
  const [stream = '', ...rest] = path.slice(MEDIA_PREFIX.length).split('/');
  if (!isStreamName(stream)) {
    return undefined;
  }
  if (rest[0]?.startsWith('~') === true) {
    if (!tokenPattern.test(rest[0])) {
      return undefined;
    }
    rest.shift();
    const target = rest.length === 1 ? parseStreamFile(stream, rest[0]) : undefined;
    if (target?.kind === 'master' || target?.kind === 'manifest') {
      return { ...target, isSigned: true };
    }
  }
  if (rest.length === 1) {
    return parseStreamFile(stream, rest[0]);
  }
  const [broadcast = '', track = '', file = ''] = rest;
  if (rest.length === 2 && isBroadcastId(broadcast) && storyboardPattern.test(track)) {
    return { kind: 'picture', stream, picture: { kind: 'storyboard', stream, broadcast, file: track } };
  }
  return rest.length === 3 && isBroadcastId(broadcast) && isTrackName(track) ? parseFile({ stream, broadcast, track }, file) : undefined;
}

function parseStreamFile(stream: StreamName, file: string | undefined): MediaTarget | undefined {
  switch (file) {
    case 'master.m3u8':
      return { kind: 'master', stream };
    case 'manifest.mpd':
      return { kind: 'manifest', stream };
    case 'rewind.m3u8':
      return { kind: 'rewind', stream };
    case 'poster.jpg':
      return { kind: 'picture', stream, picture: { kind: 'poster', stream } };
    case 'thumbnail.jpg':
      return { kind: 'picture', stream, picture: { kind: 'thumbnail', stream } };
    default:
      return otherFile(stream, file);
  }
}

function parseFile(of: OfTrack, file: string): MediaTarget | undefined {
  if (file === 'index.m3u8') {
    return { kind: 'playlist', ...of };
  }
  if (file === 'rewind.m3u8') {
    return { kind: 'rewind', stream: of.stream, of };
  }
  const part = partPattern.exec(file);
  if (part !== null) {
    return { kind: 'part', ...of, group: Number(part[1]), part: Number(part[2]) };
  }
  const segment = segmentPattern.exec(file);
  if (segment !== null) {
    return { kind: 'segment', ...of, group: Number(segment[1]) };
  }
  const init = initPattern.exec(file);
  return init !== null ? { kind: 'init', ...of, config: init[1] as ConfigId } : otherFile(of.stream, file);
}

function otherFile(stream: StreamName, file: string | undefined): MediaTarget | undefined {
  return /^[A-Za-z0-9._-]{1,128}$/.test(file ?? '') ? { kind: 'other', stream } : undefined;
}

/** Parses paths once: all viewers of a stream ask for the same few at a time. */
export class MediaPathCache {
  readonly #limit: number;
  readonly #known = new Map<string, MediaTarget>();

  constructor(limit = 4096) {
    this.#limit = limit;
  }

  parse(path: string): MediaTarget | undefined {
    let target = this.#known.get(path);
    if (target === undefined) {
      target = parseMediaPath(path);
      if (target !== undefined) {
        if (this.#known.size >= this.#limit) {
          this.#known.clear();
        }
        this.#known.set(path, target);
      }
    }
    return target;
  }
}
