import type { Millis, WallTime } from '#core/media/time.ts';

import type { ArchivedSegment, ArchivedTrack } from '../archive/archive.ts';
import { seconds } from '../llhls/media-playlist.ts';
import { durationOf } from './duration.ts';
import type { Timeline } from './timeline.ts';

/**
 * Lines of segments of a track, for a playlist that begins at or before the first of them. EXT-X-GAP stands for each group that the track lost, so that numbers and times
 * go on. Numbers between epochs were never given out and are not listed.
 *
 * @param before - The segment that the playlist lists before them.
 */
export function segmentLines(track: ArchivedTrack, timeline: Timeline, segments: readonly ArchivedSegment[], before: ArchivedSegment | undefined): string {
  let text = '';
  let last = before;
  for (const segment of segments) {
    if (last !== undefined) {
      text += lostLines(track, timeline, last, segment);
    }
    if (segment.config !== last?.config || segment.epoch !== last.epoch) {
      text += `#EXT-X-MAP:URI="init-${segment.config}.mp4"\n`;
    }
    text += entry(segment.group, segment.wallTime, durationOf(segment), '');
    last = segment;
  }
  return text;
}

function lostLines(track: ArchivedTrack, timeline: Timeline, before: ArchivedSegment, after: ArchivedSegment): string {
  if (before.epoch === after.epoch && before.group + 1 === after.group) {
    return '';
  }
  const ofEpochs = timeline.lostBetween(track, before, after).map(({ groups }) => groups.map((lost) => entry(lost.group, lost.wallTime, lost.duration, '#EXT-X-GAP\n')).join(''));
  // A segment's discontinuity sequence is its epoch, so an epoch without segments counts too.
  return ofEpochs.join('#EXT-X-DISCONTINUITY\n');
}

function entry(group: number, at: WallTime, duration: Millis, gap: string): string {
  return `#EXT-X-PROGRAM-DATE-TIME:${new Date(Math.round(at)).toISOString()}\n${gap}#EXTINF:${seconds(duration)},\n${group}.m4s\n`;
}
