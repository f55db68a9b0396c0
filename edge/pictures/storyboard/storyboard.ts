import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { later, millis, type WallTime } from '#core/media/time.ts';
import { MillraceError } from '#core/runtime/errors.ts';

import type { ArchivedBroadcast, ArchivedSegment, ArchivedTrack } from '../../archive/archive.ts';
import { Payload } from '../../http/payload.ts';
import { vodTimesOf } from '../../recordings/vod-time.ts';
import type { Size } from '../decoder/arguments.ts';
import type { Decoder } from '../decoder/decoder.ts';
import { keyFrameOf, type KeyFrame } from '../key-frame.ts';
import { pictureOf, type Picture } from '../picture.ts';
import { liveCues, recordingCues, type PlacedTile } from './cues.ts';
import { noteDone, noteSprite, readSpriteLog, spriteFile, type Sprite } from './sprite-log.ts';
import { COLUMNS, ROWS, TILE_INTERVAL, TILES_PER_SPRITE, tilesAfter, tileSize, type Tile } from './tiles.ts';

/** A sprite that is not full yet. */
type Partial = { readonly key: string; readonly picture: Promise<Picture> };

/** Cues with what they were made of. */
type Cues = { readonly key: string; readonly payload: Payload };

/** Attempts at one sprite that come to their time limit, before its tiles are given up. */
const ATTEMPTS = 2;

/** The storyboard of a kept broadcast: its sprites on disk, and the tiles that wait for the next one. */
export class Storyboard {
  readonly broadcast: ArchivedBroadcast;
  readonly #decoder: Decoder;
  #sprites: Sprite[];
  #done: boolean;
  #partial: Partial | undefined;
  #liveCues: Cues | undefined;
  #recordingCues: Cues | undefined;
  #timeouts = 0;

  private constructor(broadcast: ArchivedBroadcast, decoder: Decoder, { sprites, done }: { readonly sprites: readonly Sprite[]; readonly done: boolean }) {
    this.broadcast = broadcast;
    this.#decoder = decoder;
    this.#sprites = [...sprites];
    this.#done = done;
  }

  /** Takes up a broadcast's storyboard where an earlier process left it. */
  static async open(broadcast: ArchivedBroadcast, decoder: Decoder): Promise<Storyboard> {
    return new Storyboard(broadcast, decoder, await readSpriteLog(broadcast.folder));
  }

  /** Whether nothing is missing, and nothing will come. */
  get done(): boolean {
    return this.#done;
  }

  /** Sprites that are on disk. */
  get sprites(): readonly Sprite[] {
    return this.#sprites;
  }

  /** Tiles that are in no sprite yet. */
  pending(): Tile[] {
    return this.#done ? [] : tilesAfter(this.broadcast, this.#sprites.at(-1)?.tiles.at(-1));
  }

  /**
   * Makes the next sprite of the tiles that wait.
   *
   * @throws {MillraceError} `pictures/...`, or what the file system says: it may be tried again.
   */
  async makeSprite(): Promise<void> {
    const tiles = this.pending().slice(0, TILES_PER_SPRITE);
    const size = this.#sizeOf(tiles);
    const number = this.#nextNumber();
    const { folder } = this.broadcast;
    let failed = size === undefined;
    if (size !== undefined) {
      const bytes = await this.#make(tiles, size, false).catch((error: unknown) => this.#judge(error));
      failed = bytes === undefined;
      if (bytes !== undefined) {
        await writeWhole(join(folder, spriteFile(number)), bytes);
      }
    }
    this.#timeouts = 0;
    const sprite = { number, tiles, failed, size: size ?? { width: 1, height: 1 } };
    await noteSprite(folder, sprite);
    this.#sprites.push(sprite);
  }

  /** Notes that the broadcast is over and every tile is in a sprite. */
  async finish(): Promise<void> {
    if (!this.#done) {
      await noteDone(this.broadcast.folder);
      this.#done = true;
    }
  }

  /** Removes sprites of what has left the rewind window of a broadcast that is not recorded. */
  async trim(): Promise<void> {
    if (this.broadcast.facts.isRecording) {
      return;
    }
    const oldest = this.#oldest();
    while (this.#sprites.length > 1 && (this.#sprites[0]?.tiles.at(-1)?.wallTime ?? Infinity) < oldest) {
      const sprite = this.#sprites.shift();
      await rm(join(this.broadcast.folder, spriteFile(sprite?.number ?? 0)), { force: true });
    }
  }

  /** The sprite that is not full yet, made when somebody asks for it: at most one for each tile that is added. Undefined where there is none of this number. */
  async partial(number: number): Promise<Picture | undefined> {
    const tiles = this.pending().slice(0, TILES_PER_SPRITE);
    const size = this.#sizeOf(tiles);
    if (number !== this.#nextNumber() || size === undefined) {
      return undefined;
    }
    const key = tiles.map(({ group }) => group).join();
    if (this.#partial?.key !== key) {
      const made = { key, picture: this.#make(tiles, size, true).then(pictureOf) };
      this.#partial = made;
      // Where it was not the frames' fault, who asks next tries again.
      made.picture.catch((error: unknown) => (this.#partial === made && !isOfFrames(error) ? (this.#partial = undefined) : undefined));
    }
    return this.#partial.picture;
  }

  /** The cues of what viewers can go back to while the broadcast is on air, in wall time: see {@link liveCues}. Made anew with each tile, as {@link recordingCues} is. */
  liveCues(): Payload {
    this.#liveCues = this.#cached(this.#liveCues, (placed) => {
      const { rewind, facts } = this.broadcast;
      const newest = Math.max(...this.#pictures().map(({ segments }) => segments.at(-1)?.wallTime ?? -Infinity));
      const from = Math.max(this.#oldest(), later(newest as WallTime, millis(-rewind - TILE_INTERVAL)));
      return liveCues(placed.filter(({ tile }) => tile.wallTime >= from), facts.startedAt);
    });
    return this.#liveCues.payload;
  }

  /** The cues of the recording, in its own time: see {@link recordingCues}. */
  recordingCues(): Payload {
    this.#recordingCues = this.#cached(this.#recordingCues, (placed) => {
      // Groups are common to all renditions; that of which there is most knows most of them.
      const longest = this.#pictures().reduce<ArchivedTrack | undefined>((a, b) => (a === undefined || b.segments.length > a.segments.length ? b : a), undefined);
      return recordingCues(placed, longest === undefined ? () => undefined : vodTimesOf(this.broadcast, longest));
    });
    return this.#recordingCues.payload;
  }

  /** To count through hours of segments for each request would hold up the thread that carries frames. */
  #cached(cues: Cues | undefined, make: (placed: readonly PlacedTile[]) => string): Cues {
    const placed = this.#placed();
    const key = `${placed[0]?.tile.group}/${placed.length}/${placed.at(-1)?.tile.group}/${this.#sprites.length}`;
    return cues?.key === key ? cues : { key, payload: new Payload(Buffer.from(make(placed)), { contentType: 'text/vtt; charset=utf-8', compress: true }) };
  }

  #placed(): PlacedTile[] {
    const whole = this.#sprites.flatMap(({ number, size, tiles, failed }) => (failed ? [] : tiles.map((tile, index) => ({ tile, index, size, url: spriteFile(number) }))));
    const waiting = this.pending().slice(0, TILES_PER_SPRITE);
    const size = this.#sizeOf(waiting);
    // The number of tiles makes it another URL whenever one is added.
    const url = `${spriteFile(this.#nextNumber())}?tiles=${waiting.length}`;
    return size === undefined ? whole : [...whole, ...waiting.map((tile, index) => ({ tile, index, size, url }))];
  }

  #nextNumber(): number {
    return (this.#sprites.at(-1)?.number ?? -1) + 1;
  }

  #pictures(): ArchivedTrack[] {
    return [...this.broadcast.tracks.values()].filter(({ kind }) => kind === 'video');
  }

  #oldest(): number {
    return Math.min(...this.#pictures().map(({ segments }) => segments[0]?.wallTime ?? Infinity));
  }

  /** Tiles are as large as the first one's picture wants it; pictures of another shape are stretched. */
  #sizeOf(tiles: readonly Tile[]): Size | undefined {
    for (const tile of tiles) {
      const [track, segment] = this.#segmentOf(tile);
      const config = segment === undefined ? undefined : track?.config(segment.config);
      if (config?.kind === 'video') {
        return tileSize(config);
      }
    }
    return undefined;
  }

  #make(tiles: readonly Tile[], tile: Size, urgent: boolean): Promise<Buffer> {
    const shape = { kind: 'sprite', tile, columns: COLUMNS, rows: ROWS } as const;
    return this.#decoder.make({ kind: 'storyboard', shape, urgent, frames: () => this.#keyFrames(tiles) });
  }

  async #keyFrames(tiles: readonly Tile[]): Promise<(KeyFrame | undefined)[]> {
    const frames: (KeyFrame | undefined)[] = [];
    for (const tile of tiles) {
      const [track, segment] = this.#segmentOf(tile);
      const bytes = segment === undefined ? undefined : await track?.read(segment);
      frames.push(bytes === undefined || segment === undefined ? undefined : ownCopy(keyFrameOf(bytes, track?.config(segment.config))));
    }
    return frames;
  }

  #segmentOf({ track, group }: Tile): [ArchivedTrack | undefined, ArchivedSegment | undefined] {
    const found = this.broadcast.tracks.get(track);
    return [found, found?.segmentOf(group)];
  }

  /** Undefined where it is no use to try again. */
  #judge(error: unknown): undefined {
    const isTimeout = error instanceof MillraceError && error.code === 'pictures/timeout';
    if (!isOfFrames(error) || (isTimeout && ++this.#timeouts < ATTEMPTS)) {
      throw error;
    }
    return undefined;
  }
}

/** Whether it is because of these frames that there is no picture: another try would end alike. */
function isOfFrames(error: unknown): boolean {
  return error instanceof MillraceError && (error.code === 'pictures/undecodable' || error.code === 'pictures/timeout');
}

/** Without the rest of its segment. */
function ownCopy(frame: KeyFrame | undefined): KeyFrame | undefined {
  return frame === undefined ? undefined : { config: frame.config, data: frame.data.slice() };
}

/** A reader finds all of a file or none of it. Where the folder is gone, the broadcast was removed. */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const part = `${path}.part`;
  try {
    await writeFile(part, bytes);
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true }).catch(() => undefined);
    throw error;
  }
}
