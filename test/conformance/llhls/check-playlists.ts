import type { MediaPlaylist } from '#test/support/m3u8/playlist.ts';
import { resolve, shortName, type Observation, type RenditionHistory, type Snapshot } from './observation.ts';
import type { Report } from './report.ts';

/** A rounding error in a sum of decimal fractions. */
const EPSILON = 1e-6;
/** Of a distance that is a sum of durations, each rounded to 10 microseconds. */
const DISTANCE_ROUNDING = 0.001;

/** Checks each playlist by itself. */
export function checkPlaylists(observation: Observation, report: Report): void {
  for (const history of observation.renditions) {
    const name = shortName(history.url);
    history.unreadable.forEach(({ error }) => report.check('syntax', false, name, () => error));
    const others = observation.renditions.filter(({ url }) => url !== history.url).map(({ url, snapshots }) => ({ url, since: snapshots.find(({ playlist }) => playlist.segments.length > 0)?.receivedAt ?? Infinity }));
    history.snapshots.forEach((snapshot, index) => {
      report.check('syntax', true, name, () => '');
      const where = `${name}, playlist ${index}`;
      checkControl(snapshot.playlist, where, report);
      checkDurations(snapshot.playlist, where, report);
      checkSegments(snapshot.playlist, where, report);
      checkEnd(history, snapshot, others, where, report);
    });
    checkWindow(history, name, report);
  }
}

function checkControl(playlist: MediaPlaylist, where: string, report: Report): void {
  const { serverControl: control, targetDuration, partTarget } = playlist;
  report.check('server-control', control?.canBlockReload === true, where, () => 'CAN-BLOCK-RELOAD=YES is missing');
  report.check('can-skip-until', (control?.canSkipUntil ?? Infinity) >= 6 * targetDuration, where, () => `CAN-SKIP-UNTIL=${control?.canSkipUntil}`);
  report.check('hold-back', (control?.holdBack ?? Infinity) >= 3 * targetDuration, where, () => `HOLD-BACK=${control?.holdBack}`);
  const holdBack = control?.partHoldBack ?? 0;
  report.check('part-hold-back', holdBack >= 2 * (partTarget ?? 0) - EPSILON && holdBack > 0, where, () => `PART-HOLD-BACK=${holdBack} with PART-TARGET=${partTarget}`);
  report.check('part-hold-back-recommended', holdBack >= 3 * (partTarget ?? 0) - EPSILON, where, () => `PART-HOLD-BACK=${holdBack} with PART-TARGET=${partTarget}`);
  const { version = 1, skipped, segments } = playlist;
  const needed = skipped > 0 || (control?.canSkipUntil ?? 0) > 0 ? 9 : segments.some(({ map }) => map !== undefined) ? 6 : 3;
  report.check('version', version >= needed, where, () => `EXT-X-VERSION:${version} where ${needed} is needed`);
}

function checkDurations({ segments, targetDuration, partTarget }: MediaPlaylist, where: string, report: Report): void {
  for (const { msn, duration, parts } of segments) {
    if (duration !== undefined) {
      report.check('target-duration', Math.round(duration) <= targetDuration, `${where}, segment ${msn}`, () => `EXTINF:${duration} with EXT-X-TARGETDURATION:${targetDuration}`);
    }
    parts.forEach((part, index) => {
      report.check('part-inf', partTarget !== undefined, where, () => 'EXT-X-PART-INF is missing');
      report.check('part-duration-maximum', part.duration <= (partTarget ?? 0) + EPSILON, `${where}, part ${msn}.${index}`, () => `DURATION=${part.duration} with PART-TARGET=${partTarget}`);
    });
  }
}

function checkSegments(playlist: MediaPlaylist, where: string, report: Report): void {
  const { segments, targetDuration, endList, skipped } = playlist;
  segments.forEach((segment, index) => {
    const place = `${where}, segment ${segment.msn}`;
    report.check('map', segment.gap || segment.map !== undefined || skipped > 0, place, () => 'no EXT-X-MAP before it');
    if (index === 0 || segment.discontinuities > 0) {
      report.check('program-date-time', segment.programDateTime !== undefined, place, () => 'no EXT-X-PROGRAM-DATE-TIME');
    }
  });
  // Distances from the end of the playlist to the end of each segment.
  let behind = segments.at(-1)?.uri === undefined ? sum(segments.at(-1)?.parts ?? []) : 0;
  for (const segment of segments.filter(({ uri }) => uri !== undefined).reverse()) {
    const isNear = behind < 3 * targetDuration - DISTANCE_ROUNDING;
    const isFar = behind > 3 * targetDuration + DISTANCE_ROUNDING;
    const hasParts = segment.parts.length > 0;
    const place = `${where}, segment ${segment.msn}`;
    report.check('parts-near-the-edge', !(isFar && hasParts) && (!isNear || hasParts || endList || segment.gap), place, () => `${hasParts ? 'has' : 'has no'} parts ${behind.toFixed(3)} s before the end`);
    behind += segment.duration ?? 0;
  }
}

/** Another rendition, and since when something is known to be in its playlist: before, there is nothing to report on. */
type Other = { readonly url: string; readonly since: number };

function checkEnd(history: RenditionHistory, { playlist, requestedAt }: Snapshot, others: readonly Other[], where: string, report: Report): void {
  const { preloadHints, renditionReports, endList, segments } = playlist;
  const hints = preloadHints.filter(({ type }) => type === 'PART');
  report.check('preload-hint', hints.length === (endList ? 0 : 1), where, () => `${hints.length} hints of a part${endList ? ' after EXT-X-ENDLIST' : ''}`);
  report.check('preload-hint', preloadHints.length - hints.length <= 1, where, () => 'more than one hint of a map');
  const listed = new Set(segments.flatMap(({ parts }) => parts.map(({ uri }) => uri)));
  hints.forEach(({ uri }) => report.check('preload-hint', !listed.has(uri), where, () => `${uri} is hinted and listed`));
  if (!endList) {
    const reported = renditionReports.map(({ uri }) => resolve(history.url, uri));
    const names = (): string => reported.map(shortName).join(', ') || 'nothing';
    report.check('rendition-report', others.every(({ url, since }) => requestedAt < since || reported.includes(url)), where, () => `reports only on ${names()}`);
    report.check('rendition-report', new Set(reported).size === reported.length && reported.every((url) => others.some((other) => other.url === url)), where, () => `reports on ${names()}`);
    renditionReports.forEach(({ uri, lastMsn, lastPart }) => report.check('rendition-report', lastMsn !== undefined && lastPart !== undefined, where, () => `the report on ${uri} lacks LAST-MSN or LAST-PART`));
  }
}

/** A playlist may be shorter than three target durations only for as long as nothing was removed from it. */
function checkWindow({ snapshots }: RenditionHistory, where: string, report: Report): void {
  const first = snapshots[0]?.playlist.mediaSequence;
  for (const { playlist } of snapshots) {
    if (playlist.mediaSequence !== first && !playlist.endList) {
      const listed = playlist.segments.reduce((all, { duration, parts }) => all + (duration ?? sum(parts)), 0);
      report.check('live-window', listed >= 3 * playlist.targetDuration - EPSILON, where, () => `${listed.toFixed(3)} s are listed`);
    }
  }
}

function sum(parts: readonly { readonly duration: number }[]): number {
  return parts.reduce((all, { duration }) => all + duration, 0);
}
