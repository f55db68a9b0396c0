import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { z } from 'zod';

import { wallTime } from '#core/media/time.ts';
import { trackName } from '#core/media/track.ts';

import type { Size } from '../decoder/arguments.ts';
import type { Tile } from './tiles.ts';

/** A picture of up to 25 tiles, in rows from the top left: `storyboard-<number>.jpg`. */
export type Sprite = {
  readonly number: number;
  readonly size: Size;
  readonly tiles: readonly Tile[];
  /** True where it could not be made: there is no such file. */
  readonly failed: boolean;
};

/** What is known of a storyboard's sprites. */
export type SpriteLog = {
  readonly sprites: readonly Sprite[];
  /** The broadcast is over, and all of it has tiles. */
  readonly done: boolean;
};

/** The sprites of a broadcast, a line of JSON each, in the broadcast's folder. */
const FILE = 'storyboard.jsonl';

const track = z.string().transform((name, context) => {
  try {
    return trackName(name);
  } catch {
    context.addIssue('not a track');
    return z.NEVER;
  }
});
const tile = z
  .tuple([track, z.int(), z.int(), z.int(), z.number()])
  .transform(([name, group, epoch, place, at]): Tile => ({ track: name, group, epoch, place, wallTime: wallTime(at) }));
const spriteLine = z
  .object({ sprite: z.int().nonnegative(), size: z.tuple([z.int().positive(), z.int().positive()]), tiles: z.array(tile).min(1).max(25), failed: z.boolean() })
  .transform(({ sprite, size: [width, height], tiles, failed }): Sprite => ({ number: sprite, size: { width, height }, tiles, failed }));
const doneLine = z.object({ done: z.literal(true) });
const anyLine = z.union([spriteLine, doneLine]);

/** File of a sprite. */
export function spriteFile(number: number): string {
  return `storyboard-${number}.jpg`;
}

/** Reads what is known, up to a line that a crash has left unfinished. What is behind such a line is made again. */
export async function readSpriteLog(folder: string): Promise<SpriteLog> {
  // Where there is none, nothing was made.
  const text = await readFile(join(folder, FILE), 'utf8').catch(() => '');
  const sprites: Sprite[] = [];
  let done = false;
  for (const line of text.split('\n').slice(0, -1)) {
    const read = anyLine.safeParse(jsonOf(line));
    if (!read.success) {
      // A line that a crash cut off; the one behind it may be whole again.
      continue;
    }
    if ('done' in read.data) {
      done = true;
    } else if (read.data.number === (sprites.at(-1)?.number ?? -1) + 1) {
      sprites.push(read.data);
    }
  }
  return { sprites, done };
}

/** Notes a sprite. Its file is there. */
export function noteSprite(folder: string, { number, size, tiles, failed }: Sprite): Promise<void> {
  const places = tiles.map((place) => [place.track, place.group, place.epoch, place.place, place.wallTime]);
  return append(folder, { sprite: number, size: [size.width, size.height], tiles: places, failed });
}

/** Notes that nothing is missing. */
export function noteDone(folder: string): Promise<void> {
  return append(folder, { done: true });
}

/** The break before the line ends whatever a crash has left of one. */
async function append(folder: string, line: unknown): Promise<void> {
  await appendFile(join(folder, FILE), `\n${JSON.stringify(line)}\n`);
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
