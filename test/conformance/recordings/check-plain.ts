import type { MediaPlaylist } from '#test/support/m3u8/playlist.ts';
import { checkDateRanges } from '../llhls/check-date-ranges.ts';
import { checkHistory } from '../llhls/check-history.ts';
import { checkLadder } from '../llhls/check-ladder.ts';
import { checkMedia } from '../llhls/check-media.ts';
import { checkMultivariant } from '../llhls/check-multivariant.ts';
import { mediaOf, type RenditionMedia } from '../llhls/media-index.ts';
import { shortName, type Observation } from '../llhls/observation.ts';
import { Report } from '../llhls/report.ts';
import type { RuleName } from '../llhls/rules.ts';

/** The rules of LL-HLS that are not about parts, hints, reports and delivery directives: what every plain HLS stream keeps. */
export const plainRules: readonly RuleName[] = [
  'syntax', 'version', 'target-duration', 'map', 'program-date-time', 'date-range', 'segment-identity', 'discontinuity-sequence', 'uri-once', 'date-continuity', 'date-range-identity',
  'resource', 'same-bytes', 'media-duration', 'sync-flags', 'timeline', 'removed-still-there', 'same-cut', 'same-discontinuity', 'same-date', 'audio-cut',
  'variants', 'audio-group', 'codecs', 'resolution', 'frame-rate', 'bandwidth',
];

/** Those that are about how a playlist changes. */
export const slidingRules: readonly RuleName[] = ['media-sequence', 'edge', 'target-duration-constant', 'end-list'];

/** Checks what was seen of plain HLS. */
export function checkPlain(observation: Observation, kind: 'rewind' | 'vod'): Report {
  const report = new Report();
  for (const { url, snapshots, unreadable } of observation.renditions) {
    const name = shortName(url);
    unreadable.forEach(({ error }) => report.check('syntax', false, name, () => error));
    snapshots.forEach(({ playlist }, index) => {
      report.check('syntax', true, name, () => '');
      checkPlaylist(playlist, kind, `${name}, playlist ${index}`, report);
    });
  }
  const media = observation.renditions.map(mediaOf);
  checkHistory(observation, report);
  checkDateRanges(observation, report);
  checkMedia(observation, media, report);
  checkLadder(observation, media, report);
  checkMultivariant(observation, media, report, withoutBrokenEnds);
  return report;
}

/** Where a publisher breaks off, pictures are missing that were to be shown before the last one: the frame rate of an encoded rung has a hole there. */
function withoutBrokenEnds(media: RenditionMedia): RenditionMedia {
  const segments = media.segments.filter(({ segment }, index) => media.segments[index + 1]?.segment.discontinuitySequence === segment.discontinuitySequence);
  return { ...media, segments };
}

function checkPlaylist(playlist: MediaPlaylist, kind: 'rewind' | 'vod', where: string, report: Report): void {
  const { version = 1, segments, targetDuration, serverControl, partTarget, preloadHints, renditionReports, playlistType, endList } = playlist;
  const needed = segments.some(({ gap }) => gap) ? 8 : 6;
  report.check('version', version >= needed, where, () => `EXT-X-VERSION:${version} where ${needed} is needed`);
  const lowLatency = serverControl !== undefined || partTarget !== undefined || preloadHints.length + renditionReports.length > 0 || segments.some(({ parts }) => parts.length > 0);
  report.check('syntax', !lowLatency, where, () => 'has tags of low latency');
  report.check('end-list', kind === 'vod' ? endList && playlistType === 'VOD' : playlistType === undefined, where, () => `EXT-X-PLAYLIST-TYPE:${playlistType}, ${endList ? 'ended' : 'not ended'}`);
  for (const { msn, duration, gap, map, programDateTime, uri } of segments) {
    const place = `${where}, segment ${msn}`;
    report.check('target-duration', duration !== undefined && Math.round(duration) <= targetDuration, place, () => `EXTINF:${duration} with EXT-X-TARGETDURATION:${targetDuration}`);
    report.check('map', gap || map !== undefined, place, () => 'no EXT-X-MAP before it');
    report.check('program-date-time', programDateTime !== undefined, place, () => `${uri} has no EXT-X-PROGRAM-DATE-TIME`);
  }
}
