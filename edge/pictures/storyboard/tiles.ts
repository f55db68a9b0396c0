import { pixelAspectOf } from '#core/media/containers/fmp4/pixel-aspect.ts';
import { millis, type WallTime } from '#core/media/time.ts';
import type { TrackName, VideoConfig } from '#core/media/track.ts';

import type { ArchivedBroadcast, ArchivedSegment, ArchivedTrack } from '../../archive/archive.ts';
import type { Size } from '../decoder/arguments.ts';

/** A place in a storyboard: the segment whose first frame is shown there. */
export type Tile = {
  readonly track: TrackName;
  readonly group: number;
  readonly epoch: number;
  /** Which ten seconds of the broadcast's timeline it stands for. */
  readonly place: number;
  readonly wallTime: WallTime;
};

/** Media time between two tiles. */
export const TILE_INTERVAL = millis(10_000);
/** Tiles of a sprite beside each other. */
export const COLUMNS = 5;
/** Rows of a sprite. */
export const ROWS = 5;
/** Tiles of a sprite in all. */
export const TILES_PER_SPRITE = COLUMNS * ROWS;

const TILE_WIDTH = 160;
/** A picture of 9:16 has 284. */
const TILE_HEIGHTS = { least: 40, most: 360 } as const;

/** The tiles behind another, oldest first: in each epoch the first segment of every ten seconds of media, of the smallest rendition that has them. */
export function tilesAfter({ tracks }: Pick<ArchivedBroadcast, 'tracks'>, last: Tile | undefined): Tile[] {
  const tiles = new Map<string, Tile>();
  const pictures = [...tracks.values()].filter(({ kind }) => kind === 'video');
  for (const track of pictures.toSorted((a, b) => pixelsOf(a) - pixelsOf(b))) {
    for (const segment of newerThan(track, last?.group ?? -1)) {
      const { group, epoch, wallTime } = segment;
      const place = placeOf(segment);
      const key = `${epoch}/${place}`;
      if (!tiles.has(key) && (last?.epoch !== epoch || place > last.place)) {
        tiles.set(key, { track: track.track, group, epoch, place, wallTime });
      }
    }
  }
  return [...tiles.values()].sort((a, b) => a.group - b.group);
}

/** The size of a tile of a picture, its pixels made square. */
export function tileSize(config: VideoConfig): Size {
  const { horizontal, vertical } = pixelAspectOf(config);
  const height = (TILE_WIDTH * config.height * vertical) / (config.width * horizontal);
  return { width: TILE_WIDTH, height: Math.min(TILE_HEIGHTS.most, Math.max(TILE_HEIGHTS.least, Math.round(height / 2) * 2)) };
}

/** Pixels of a track's newest configuration; 0 for sound and where it is not known. */
export function pixelsOf(track: ArchivedTrack): number {
  const newest = track.segments.at(-1);
  const config = newest === undefined ? undefined : track.config(newest.config);
  return config?.kind === 'video' ? config.width * config.height : 0;
}

function placeOf({ pts, timescale }: ArchivedSegment): number {
  return Math.floor((pts * 1000) / timescale / TILE_INTERVAL);
}

/** Segments behind a group. Most of a long broadcast has its tiles: it is looked at from the end. */
function newerThan({ segments }: ArchivedTrack, group: number): readonly ArchivedSegment[] {
  let from = segments.length;
  while (from > 0 && (segments[from - 1]?.group ?? -1) > group) {
    from--;
  }
  return segments.slice(from);
}
