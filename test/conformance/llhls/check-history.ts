import type { MediaPlaylist, SegmentTags } from '#test/support/m3u8/playlist.ts';
import { resolve, shortName, type Observation, type RenditionHistory } from './observation.ts';
import type { Report } from './report.ts';
import { timelineOf, type KnownSegment } from './timeline.ts';

/** Durations are written to 10 microseconds, dates to a millisecond; wall time is slewed by at most 1 ms a second. */
const DURATION_ROUNDING = 0.000_02;
const DATE_TOLERANCE_MILLIS = 3.5;

/** Checks what must stay the same and what may change from playlist to playlist of a rendition. */
export function checkHistory(observation: Observation, report: Report): void {
  for (const history of observation.renditions) {
    const name = shortName(history.url);
    checkSuccessions(history, name, report);
    checkIdentities(history, name, report);
    checkTimeline(timelineOf(history), name, report);
    checkReports(history, observation.renditions, name, report);
  }
}

function checkSuccessions({ snapshots }: RenditionHistory, name: string, report: Report): void {
  for (let index = 1; index < snapshots.length; index += 1) {
    const [before, now] = [snapshots[index - 1]?.playlist, snapshots[index]?.playlist];
    if (before === undefined || now === undefined) {
      continue;
    }
    const where = `${name}, playlist ${index}`;
    const removed = now.mediaSequence - before.mediaSequence;
    report.check('media-sequence', removed >= 0, where, () => `EXT-X-MEDIA-SEQUENCE went from ${before.mediaSequence} to ${now.mediaSequence}`);
    report.check('target-duration-constant', before.targetDuration === now.targetDuration, where, () => `${before.targetDuration} became ${now.targetDuration}`);
    report.check('end-list', !before.endList || (now.endList && lastPlace(now) === lastPlace(before)), where, () => 'changed after EXT-X-ENDLIST');
    report.check('edge', comparePlaces(before, now) <= 0, where, () => `the end went from ${lastPlace(before)} back to ${lastPlace(now)}`);
    const lastBefore = before.segments.at(-1)?.msn ?? 0;
    report.check('edge', now.mediaSequence <= lastBefore + 1, where, () => `begins at ${now.mediaSequence}, beyond what was listed up to ${lastBefore}: a player would lose its place`);
  }
}

/** Every snapshot is compared with the first word on each segment and part. */
function checkIdentities({ snapshots, url }: RenditionHistory, name: string, report: Report): void {
  const firstWord = new Map<string, string>();
  const ownerOf = new Map<string, string>();
  const same = (rule: 'segment-identity' | 'part-identity' | 'discontinuity-sequence', place: string, what: string): void => {
    const known = firstWord.get(`${rule} ${place}`) ?? what;
    firstWord.set(`${rule} ${place}`, known);
    report.check(rule, known === what, `${name}, ${place}`, () => `was ${known}, is ${what}`);
  };
  const once = (uri: string, place: string): void => {
    const owner = ownerOf.get(resolve(url, uri)) ?? place;
    ownerOf.set(resolve(url, uri), owner);
    report.check('uri-once', owner === place, `${name}, ${place}`, () => `${uri} stands also for ${owner}`);
  };
  for (const { playlist } of snapshots) {
    for (const segment of playlist.segments) {
      const place = `segment ${segment.msn}`;
      same('discontinuity-sequence', place, `${segment.discontinuitySequence}`);
      if (segment.uri !== undefined) {
        const { uri, duration, gap, map, programDateTime } = segment;
        same('segment-identity', place, JSON.stringify({ uri, duration, gap, map: map?.uri, programDateTime }));
        once(uri, place);
      }
      segment.parts.forEach(({ uri, duration, independent, gap }, index) => {
        same('part-identity', `part ${segment.msn}.${index}`, JSON.stringify({ uri, duration, independent, gap }));
        once(uri, `part ${segment.msn}.${index}`);
      });
    }
  }
}

function checkTimeline(timeline: readonly KnownSegment[], name: string, report: Report): void {
  timeline.forEach((segment, index) => {
    const where = `${name}, segment ${segment.msn}`;
    const following = timeline[index + 1];
    if (segment.partsWhole && segment.duration !== undefined) {
      const sum = segment.parts.reduce((all, { duration }) => all + duration, 0);
      const allowed = DURATION_ROUNDING * (segment.parts.length + 1);
      report.check('part-sum', Math.abs(sum - segment.duration) <= allowed, where, () => `its parts last ${sum.toFixed(5)}, the segment ${segment.duration}`);
    }
    checkShortParts(segment, where, report);
    if (following?.msn !== segment.msn + 1 || following.discontinuitySequence !== segment.discontinuitySequence) {
      return;
    }
    const [from, to] = [segment.programDateTime, following.programDateTime];
    if (from !== undefined && to !== undefined && segment.duration !== undefined) {
      const off = to - from - segment.duration * 1000;
      report.check('date-continuity', Math.abs(off) <= DATE_TOLERANCE_MILLIS, where, () => `the next date is ${off.toFixed(1)} ms off`);
    }
  });
}

function checkShortParts({ msn, parts, partTarget = 0 }: KnownSegment, where: string, report: Report): void {
  // Also of a segment whose end was not seen: the last part that is known may be its last.
  parts.slice(0, -1).forEach((part, index) => {
    const besideGap = part.gap || parts[index + 1]?.gap === true || parts[index - 1]?.gap === true;
    const holds = part.independent || besideGap || part.duration >= 0.85 * partTarget - 1e-6;
    report.check('part-duration-minimum', holds, `${where}, part ${msn}.${index}`, () => `lasts ${part.duration} with PART-TARGET=${partTarget}`);
  });
}

/** A report may be as old as a part target: it is rendered with the playlist that it stands in. */
function checkReports(history: RenditionHistory, all: readonly RenditionHistory[], name: string, report: Report): void {
  history.snapshots.forEach(({ playlist, requestedAt, receivedAt }, index) => {
    for (const { uri, lastMsn = 0, lastPart = 0 } of playlist.renditionReports) {
      const other = all.find(({ url }) => url === resolve(history.url, uri));
      const stale = (playlist.partTarget ?? 0) * 1000;
      const known = other?.snapshots.filter((snapshot) => snapshot.receivedAt <= requestedAt - stale).at(-1)?.playlist;
      const later = other?.snapshots.find((snapshot) => snapshot.requestedAt >= receivedAt)?.playlist;
      const where = `${name}, playlist ${index}, report on ${uri}`;
      if (known !== undefined) {
        const place = placeOf(known);
        const behind = lastMsn < place.msn || (lastMsn === place.msn && lastPart < place.part);
        report.check('rendition-report-truth', !behind || namesThePartBefore(lastMsn, lastPart, known), where, () => `${lastMsn}.${lastPart}, where ${lastPlace(known)} was seen before`);
      }
      if (later !== undefined) {
        const place = placeOf(later);
        // A whole segment may have lost its part tags.
        const lastThere = place.whole ? Infinity : place.part;
        report.check('rendition-report-truth', lastMsn < place.msn || (lastMsn === place.msn && lastPart <= lastThere), where, () => `${lastMsn}.${lastPart}, where ${lastPlace(later)} was seen afterwards`);
      }
    }
  });
}

/**
 * A report may name the last part of the segment before where the newest is part 0 (ADR 0004): hls.js 1.7 takes LAST-PART=0 for no value and
 * asks for a part a segment later.
 */
function namesThePartBefore(msn: number, part: number, known: MediaPlaylist): boolean {
  const place = placeOf(known);
  const before = known.segments.at(-2);
  return place.part === 0 && msn === place.msn - 1 && part === (before?.parts.length ?? 0) - 1;
}

/** Number of the last segment of which anything is listed, and of its last part; -1 where no parts are listed. */
export function placeOf(playlist: MediaPlaylist): { readonly msn: number; readonly part: number; readonly whole: boolean } {
  const last: SegmentTags | undefined = playlist.segments.at(-1);
  return { msn: last?.msn ?? playlist.mediaSequence - 1, part: (last?.parts.length ?? 0) - 1, whole: last?.uri !== undefined };
}

function lastPlace(playlist: MediaPlaylist): string {
  const { msn, part, whole } = placeOf(playlist);
  return `${msn}.${part}${whole ? ', whole' : ''}`;
}

function comparePlaces(a: MediaPlaylist, b: MediaPlaylist): number {
  const [first, second] = [placeOf(a), placeOf(b)];
  // A whole segment's part tags may be gone after the end.
  return first.msn - second.msn || Number(first.whole) - Number(second.whole) || (first.whole ? 0 : first.part - second.part);
}
