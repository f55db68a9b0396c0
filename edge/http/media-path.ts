import type { StreamName } from '#core/bus/catalog.ts';
import { isStreamName } from '#core/access/stream-key.ts';
import { isBroadcastId, type BroadcastId } from '#core/media/frame.ts';
import { isTrackName, type ConfigId, type TrackName } from '#core/media/track.ts';

type OfTrack = { readonly stream: StreamName; readonly broadcast: BroadcastId; readonly track: TrackName };

/** What a media URL names. */
export type MediaTarget =
  | { readonly kind: 'master'; readonly stream: StreamName }
  | (OfTrack & { readonly kind: 'playlist' })
  | (OfTrack & { readonly kind: 'init'; readonly config: ConfigId })
  | (OfTrack & { readonly kind: 'segment'; readonly group: number })
  | (OfTrack & { readonly kind: 'part'; readonly group: number; readonly part: number })
  /** Well formed, but nothing that is served. */
  | { readonly kind: 'other'; readonly stream: StreamName };

/** Every media URL begins so, behind the base path. */
export const MEDIA_PREFIX = '/live/';

const tokenPattern = /^~[A-Za-z0-9._~-]{1,2048}$/;
const initPattern = /^init-([0-9a-f]{16})\.mp4$/;
const segmentPattern = /^(\d{1,15})\.m4s$/;
const partPattern = /^(\d{1,15})\.(\d{1,5})\.m4s$/;

/**
 * Reads a media path: `/live/<stream>[/~<token>]/master.m3u8` or
 * `/live/<stream>[/~<token>]/<broadcast>/<track>/{index.m3u8, init-<config>.mp4, <group>.m4s, <group>.<part>.m4s}`.
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
  }
  if (rest.length === 1) {
    return rest[0] === 'master.m3u8' ? { kind: 'master', stream } : otherFile(stream, rest[0]);
  }
  const [broadcast = '', track = '', file = ''] = rest;
  return rest.length === 3 && isBroadcastId(broadcast) && isTrackName(track) ? parseFile({ stream, broadcast, track }, file) : undefined;
}

function parseFile(of: OfTrack, file: string): MediaTarget | undefined {
  if (file === 'index.m3u8') {
    return { kind: 'playlist', ...of };
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
