import type { WallTime } from '#core/media/time.ts';

import type { Size } from '../decoder/arguments.ts';
import { COLUMNS, TILE_INTERVAL, type Tile } from './tiles.ts';

/** A tile with where it is found. */
export type PlacedTile = { readonly tile: Tile; readonly url: string; readonly index: number; readonly size: Size };

const SECONDS = TILE_INTERVAL / 1000;

/**
 * The storyboard of a broadcast on air. Cue times are seconds of wall time since the instant in the comment `NOTE start`: what a player knows of any frame, whatever
 * its protocol. Where nobody sent, there is no cue.
 */
export function liveCues(tiles: readonly PlacedTile[], startedAt: WallTime): string {
  const start = Math.min(startedAt, tiles[0]?.tile.wallTime ?? startedAt);
  return `WEBVTT\n\nNOTE start ${new Date(start).toISOString()}\n${cues(tiles, ({ wallTime }) => (wallTime - Math.floor(start)) / 1000)}`;
}

/** The storyboard of a recording. Cue times are those of the recording's playlists, in which the time between epochs is taken out. */
export function recordingCues(tiles: readonly PlacedTile[], timeOf: (tile: Tile) => number | undefined): string {
  return `WEBVTT\n${cues(tiles, timeOf)}`;
}

function cues(tiles: readonly PlacedTile[], timeOf: (tile: Tile) => number | undefined): string {
  const timed = tiles.flatMap((placed) => {
    const start = timeOf(placed.tile);
    return start === undefined ? [] : [{ ...placed, start }];
  });
  return timed
    .map(({ start, url, index, size: { width, height } }, at) => {
      const next = timed[at + 1]?.start ?? Infinity;
      // A tile is shown until the next one; over a gap no longer than it stands for.
      const end = next > start && next - start < 2 * SECONDS ? next : start + SECONDS;
      const [x, y] = [(index % COLUMNS) * width, Math.floor(index / COLUMNS) * height];
      return `\n${timestamp(start)} --> ${timestamp(end)}\n${url}#xywh=${x},${y},${width},${height}\n`;
    })
    .join('');
}

/** WebVTT, 4.2: hours of two digits or more, minutes, seconds, three digits of milliseconds. */
function timestamp(seconds: number): string {
  const total = Math.max(0, Math.round(seconds * 1000));
  const part = (divisor: number, modulus: number, digits: number): string => String(Math.floor(total / divisor) % modulus).padStart(digits, '0');
  return `${part(3_600_000, Infinity, 2)}:${part(60_000, 60, 2)}:${part(1000, 60, 2)}.${part(1, 1000, 3)}`;
}
