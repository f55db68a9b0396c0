import type { DateRangeTag, MediaPlaylist } from '#test/support/m3u8/playlist.ts';
import { shortName, type Observation } from './observation.ts';
import type { Report } from './report.ts';

/** A message leaves a playlist with the segment of its frame, whose date may be this far from that segment's. */
const SEGMENT_MILLIS = 2_200;

/** Checks what the playlists say of messages on the timeline. */
export function checkDateRanges({ renditions }: Observation, report: Report): void {
  const firstWord = new Map<string, { readonly text: string; readonly tag: DateRangeTag; readonly since: number }>();
  for (const { url, snapshots } of renditions) {
    snapshots.forEach(({ playlist, receivedAt }, index) => {
      const where = `${shortName(url)}, playlist ${index}`;
      checkOne(playlist, where, report);
      for (const tag of playlist.dateRanges) {
        const text = textOf(tag);
        const known = firstWord.get(tag.id) ?? { text, tag, since: receivedAt };
        firstWord.set(tag.id, { ...known, since: Math.min(known.since, receivedAt) });
        report.check('date-range-identity', known.text === text, `${where}, ${tag.id}`, () => `was ${known.text}, is ${text}`);
      }
    });
  }
  for (const { url, snapshots } of renditions) {
    snapshots.forEach(({ playlist, requestedAt }, index) => {
      const listed = new Set(playlist.dateRanges.map(({ id }) => id));
      const begins = playlist.segments.find(({ programDateTime }) => programDateTime !== undefined)?.programDateTime ?? Infinity;
      for (const { tag, since } of playlist.skipped > 0 ? [] : firstWord.values()) {
        if (since < requestedAt && tag.startDate > begins + SEGMENT_MILLIS) {
          report.check('same-date-ranges', listed.has(tag.id), `${shortName(url)}, playlist ${index}`, () => `${tag.id} is missing`);
        }
      }
    });
  }
}

function checkOne({ dateRanges, segments, skipped }: MediaPlaylist, where: string, report: Report): void {
  const byId = new Map<string, string>();
  for (const tag of dateRanges) {
    const text = textOf(tag);
    report.check('date-range', (byId.get(tag.id) ?? text) === text, where, () => `${tag.id} says two things`);
    byId.set(tag.id, text);
  }
  if (dateRanges.length > 0) {
    report.check('date-range', skipped > 0 || segments.some(({ programDateTime }) => programDateTime !== undefined), where, () => 'has EXT-X-DATERANGE and no date');
  }
}

function textOf({ line: _line, ...attributes }: DateRangeTag): string {
  return JSON.stringify(attributes);
}
