import type { ManifestSeen } from './observation.ts';
import { presentationOf, type Mpd, type MpdPeriod, type MpdSet } from './mpd.ts';
import type { Report } from './report.ts';

/** How far presentation time may be from wall time, in milliseconds: more, and players take it for latency. */
const WALL_TOLERANCE = 150;

/** Checks what every manifest has to say, whatever the others say. */
export function checkManifest({ mpd }: ManifestSeen, where: string, report: Report): void {
  const { attributes, periods } = mpd;
  const has = (...names: readonly string[]): boolean => names.every((name) => attributes[name] !== undefined);
  if (mpd.type === 'dynamic') {
    const holds = has('availabilityStartTime', 'publishTime', 'minimumUpdatePeriod', 'timeShiftBufferDepth', 'minBufferTime') && mpd.duration === undefined;
    report.check('dynamic', holds, where, () => Object.keys(attributes).join(', '));
    report.check('service-description', mpd.latency !== undefined && mpd.latency > 0 && mpd.playbackRates !== undefined && mpd.playbackRates[0] < 1 && mpd.playbackRates[1] > 1, where, () => `latency ${mpd.latency}, rates ${mpd.playbackRates?.join(' to ')}`);
    report.check('utc-timing', mpd.utcTiming?.scheme === 'urn:mpeg:dash:utc:http-xsdate:2014' && mpd.utcTiming.value !== '', where, () => `${mpd.utcTiming?.scheme}: ${mpd.utcTiming?.value}`);
  }
  report.check('ids', isOnce(periods.map(({ id }) => id)), where, () => `periods ${periods.map(({ id }) => id).join(', ')}`);
  periods.forEach((period, index) => {
    const place = `${where}, period ${period.id}`;
    const before = periods[index - 1];
    report.check('period-order', before === undefined || period.start > before.start, place, () => `begins at ${period.start}, the one before at ${before?.start}`);
    checkPeriod(mpd, period, index === periods.length - 1, place, report);
  });
}

function checkPeriod(mpd: Mpd, period: MpdPeriod, isLast: boolean, where: string, report: Report): void {
  const representations = period.sets.flatMap((set) => set.representations);
  const isUnique = isOnce(period.sets.map(({ id }) => id)) && isOnce(representations.map(({ id }) => id));
  report.check('ids', isUnique && representations.length > 0, where, () => `sets ${period.sets.map(({ id }) => id).join(', ')}, representations ${representations.map(({ id }) => id).join(', ')}`);
  for (const set of period.sets) {
    checkSet(mpd, period, set, isLast, where, report);
  }
}

function checkSet(mpd: Mpd, period: MpdPeriod, set: MpdSet, isLast: boolean, where: string, report: Report): void {
  const isLive = mpd.type === 'dynamic';
  report.check('event-streams', set.inbandSchemes.length > 0, `${where}, set ${set.id}`, () => 'no InbandEventStream');
  report.check('resync', set.resync !== undefined && set.resync > 0 && set.resync < 1, `${where}, set ${set.id}`, () => `dT of ${set.resync} s`);
  const [first] = set.representations;
  if (isLive && first !== undefined) {
    const { reference } = set;
    const off = reference === undefined ? Number.NaN : reference.wallTime - mpd.availabilityStart - presentationOf(period, first, reference.media * first.timescale) * 1000;
    const holds = reference?.scheme !== undefined && reference.inband && Math.abs(off) <= WALL_TOLERANCE;
    report.check('producer-reference', holds, `${where}, set ${set.id}`, () => `clock ${reference?.scheme}, presentation time is ${off} ms off`);
  }
  for (const each of set.representations) {
    const place = `${where}, ${each.id}`;
    const { attributes: own, segments, timescale } = each;
    report.check('template', each.media?.includes('$Number$') === true && each.init !== undefined && timescale > 1 && segments.length > 0, place, () => `media ${each.media}, init ${each.init}, ${segments.length} segments`);
    const longest = Math.max(0, ...segments.map(({ d }) => d / timescale));
    report.check('max-segment-duration', longest <= mpd.maxSegmentDuration + 1e-6, place, () => `${longest} s, where ${mpd.maxSegmentDuration} is the most`);
    const isVideo = set.attributes['contentType'] === 'video';
    const needed = isVideo ? ['width', 'height', 'frameRate'] : ['audioSamplingRate'];
    const isDescribed = ['codecs', 'bandwidth', ...needed].every((name) => own[name] !== undefined) && (isVideo || each.channels !== undefined);
    report.check('described', isDescribed, place, () => Object.keys(own).join(', '));
    if (isLive && isLast) {
      const offset = each.availabilityTimeOffset ?? 0;
      report.check('low-latency', !each.availabilityTimeComplete && offset > 0 && offset < longest, place, () => `offered ${offset} s before the end of ${longest} s, complete ${each.availabilityTimeComplete}`);
    }
  }
}

function isOnce(ids: readonly string[]): boolean {
  return new Set(ids).size === ids.length && !ids.includes('');
}
