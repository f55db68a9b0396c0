import { existsSync } from 'node:fs';
import { join } from 'node:path';

import type { ArchivedBroadcast, ArchivedTrack } from '../../archive/archive.ts';
import type { Decoder } from '../decoder/decoder.ts';
import { keyFrameOf, type KeyFrame } from '../key-frame.ts';
import { writeWhole } from './storyboard.ts';
import { pixelsOf } from './tiles.ts';

/** A recording's poster, in its folder. */
export const POSTER_FILE = 'poster.jpg';

const MAX_WIDTH = 1280;

/** The poster shows what is on air so many seconds after the start: the first moments are often black, or a card that says "soon". */
const INTO = 10;

/** Segments that are looked at for a key frame. */
const TRIES = 5;

/**
 * Makes the poster of a recording that has none, of its best picture: ten seconds into it, or in the middle of one that ended sooner. Nothing is made while that is to come.
 *
 * @throws {MillraceError} `pictures/...`, or what the file system says.
 */
export async function makePoster(broadcast: ArchivedBroadcast, decoder: Decoder, isOver: boolean): Promise<void> {
  const path = join(broadcast.folder, POSTER_FILE);
  const track = bestOf(broadcast);
  const from = track === undefined ? undefined : placeOf(track, isOver);
  if (track === undefined || from === undefined || existsSync(path)) {
    return;
  }
  const bytes = await decoder.make({ kind: 'recording', shape: { kind: 'single', maxWidth: MAX_WIDTH }, urgent: false, frames: async () => [await firstKeyFrame(track, from)] });
  await writeWhole(path, bytes);
}

function bestOf({ tracks }: ArchivedBroadcast): ArchivedTrack | undefined {
  const pictures = [...tracks.values()].filter(({ kind, segments }) => kind === 'video' && segments.length > 0);
  return pictures.reduce<ArchivedTrack | undefined>((a, b) => (a === undefined || pixelsOf(b) > pixelsOf(a) ? b : a), undefined);
}

/** Index of the segment that the poster shows. */
function placeOf({ segments }: ArchivedTrack, isOver: boolean): number | undefined {
  let seconds = 0;
  for (const [index, { ticks, timescale }] of segments.entries()) {
    if (seconds >= INTO) {
      return index;
    }
    seconds += ticks / timescale;
  }
  return isOver ? Math.floor(segments.length / 2) : undefined;
}

async function firstKeyFrame(track: ArchivedTrack, from: number): Promise<KeyFrame | undefined> {
  for (const segment of track.segments.slice(from, from + TRIES)) {
    const bytes = await track.read(segment);
    const frame = bytes === undefined ? undefined : keyFrameOf(bytes, track.config(segment.config));
    if (frame !== undefined) {
      return frame;
    }
  }
  return undefined;
}
