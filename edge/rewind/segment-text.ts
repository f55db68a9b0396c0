import { later, millis, ticksToMillis, type Millis, type WallTime } from '#core/media/time.ts';

import type { ArchivedSegment } from '../archive/archive.ts';
import { seconds } from '../llhls/media-playlist.ts';

/** The longest duration that rounds to TARGETDURATION (2). */
const LONGEST_GAP = 2400;

/**
 * Lines of segments `from` up to `to` of a track's list, for a playlist that begins at or before `from`. Groups that are missing between two segments of one epoch
 * were lost: EXT-X-GAP stands for each of them, so that numbers and times go on. Numbers between epochs were never given out and are not listed.
 */
export function segmentLines(segments: readonly ArchivedSegment[], from: number, to: number, before: ArchivedSegment | undefined): string {
  let text = '';
  let last = before;
  for (let i = from; i < to; i++) {
    const segment = segments[i] as ArchivedSegment;
    if (last === undefined) {
      text += mapLine(segment);
    } else if (segment.epoch !== last.epoch) {
      // A segment's discontinuity sequence is its epoch, so an epoch without segments counts too.
      text += '#EXT-X-DISCONTINUITY\n'.repeat(segment.epoch - last.epoch) + mapLine(segment);
    } else {
      text += gapLines(last, segment) + (segment.config === last.config ? '' : mapLine(segment));
    }
    text += `${timeLine(segment.wallTime)}#EXTINF:${seconds(durationOf(segment))},\n${segment.group}.m4s\n`;
    last = segment;
  }
  return text;
}

/** How many entries of a playlist lie between two segments: lost groups of one epoch. */
export function lostBetween(a: ArchivedSegment, b: ArchivedSegment): number {
  return a.epoch === b.epoch ? b.group - a.group - 1 : 0;
}

/** A segment's length. */
export function durationOf({ ticks, timescale }: ArchivedSegment): Millis {
  return ticksToMillis(ticks, timescale);
}

/** When a lost group began and how long it was: its share of the time between the segments beside it. */
export function lostGroups(before: ArchivedSegment, after: ArchivedSegment): { readonly group: number; readonly wallTime: WallTime; readonly duration: Millis }[] {
  const count = lostBetween(before, after);
  const between = after.pts / after.timescale - (before.pts + before.ticks) / before.timescale;
  const share = (between * 1000) / count;
  const duration = millis(share > 0 && share <= LONGEST_GAP ? share : 1000);
  const start = later(before.wallTime, durationOf(before));
  return Array.from({ length: count }, (_, i) => ({ group: before.group + 1 + i, wallTime: later(start, millis(i * duration)), duration }));
}

function gapLines(before: ArchivedSegment, after: ArchivedSegment): string {
  if (lostBetween(before, after) === 0) {
    return '';
  }
  const lines = lostGroups(before, after).map(({ group, wallTime, duration }) => `${timeLine(wallTime)}#EXT-X-GAP\n#EXTINF:${seconds(duration)},\n${group}.m4s\n`);
  return lines.join('');
}

function mapLine({ config }: ArchivedSegment): string {
  return `#EXT-X-MAP:URI="init-${config}.mp4"\n`;
}

function timeLine(at: WallTime): string {
  return `#EXT-X-PROGRAM-DATE-TIME:${new Date(Math.round(at)).toISOString()}\n`;
}
