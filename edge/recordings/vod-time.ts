import type { ArchivedBroadcast, ArchivedSegment, ArchivedTrack } from '../archive/archive.ts';
import { durationOf } from '../rewind/duration.ts';
import { Timeline } from '../rewind/timeline.ts';

/**
 * Where segments of a track lie in its recording, as players count: seconds from the start of the playlist, lost groups included, time between epochs not.
 *
 * @returns a look-up for segments that the track had when it was made; undefined for others.
 */
export function vodTimesOf({ tracks }: Pick<ArchivedBroadcast, 'tracks'>, track: ArchivedTrack): (segment: Pick<ArchivedSegment, 'group'>) => number | undefined {
  const timeline = new Timeline(tracks, 'zero');
  timeline.update();
  const starts = new Map<number, number>();
  let at = 0;
  let before: ArchivedSegment | undefined;
  for (const segment of track.segments) {
    if (before !== undefined) {
      const lost = timeline.lostBetween(track, before, segment).flatMap(({ groups }) => groups);
      at += lost.reduce((sum, { duration }) => sum + duration, 0);
    }
    starts.set(segment.group, at / 1000);
    at += durationOf(segment);
    before = segment;
  }
  return ({ group }) => starts.get(group);
}
