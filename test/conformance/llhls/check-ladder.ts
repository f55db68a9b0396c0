import type { RenditionMedia, SegmentMedia } from './media-index.ts';
import { shortName, type Observation } from './observation.ts';
import type { Report } from './report.ts';

/** Dates are rounded to a millisecond in each of two renditions. */
const DATE_TOLERANCE_MILLIS = 1.5;

type Place = { readonly name: string; readonly media: SegmentMedia };

/** Checks what the renditions have in common. */
export function checkLadder(observation: Observation, media: readonly RenditionMedia[], report: Report): void {
  checkControl(observation, report);
  const byNumber = new Map<number, Place[]>();
  for (const rendition of media) {
    for (const segment of rendition.segments) {
      const places = byNumber.get(segment.segment.msn) ?? [];
      byNumber.set(segment.segment.msn, [...places, { name: shortName(rendition.url), media: segment }]);
    }
  }
  byNumber.forEach((places, msn) => {
    checkNumber(places, msn, report);
    checkDates(places, msn, report);
    checkAudio(places, msn, byNumber.get(msn - 1) ?? [], report);
  });
}

function checkControl({ renditions }: Observation, report: Report): void {
  // PART-HOLD-BACK follows the part target, which is fixed for an epoch: only playlists of the same one are compared.
  const known = new Map<number, string>();
  for (const { url, snapshots } of renditions) {
    snapshots.forEach(({ playlist: { serverControl, targetDuration, partTarget, segments } }, index) => {
      const epoch = segments.at(-1)?.discontinuitySequence ?? 0;
      const text = JSON.stringify({ serverControl, targetDuration, partTarget });
      known.set(epoch, known.get(epoch) ?? text);
      report.check('same-server-control', known.get(epoch) === text, `${shortName(url)}, playlist ${index}`, () => `has ${text}, another has ${known.get(epoch)}`);
    });
  }
}

/** The first thing of a segment that is shown: what a group's start is. */
function startOf({ samples }: SegmentMedia): number | undefined {
  return samples.length === 0 ? undefined : samples[0]?.pts;
}

function checkNumber(places: readonly Place[], msn: number, report: Report): void {
  const [one, ...others] = places;
  others.forEach(({ name, media }) => {
    report.check('same-discontinuity', media.segment.discontinuitySequence === one?.media.segment.discontinuitySequence, `${name}, segment ${msn}`, () => `has ${media.segment.discontinuitySequence}, ${one?.name} has ${one?.media.segment.discontinuitySequence}`);
  });
  const [first, ...rest] = places.filter(({ media }) => media.init?.kind === 'video' && media.samples.length > 0);
  rest.forEach(({ name, media }) => {
    const [a, b] = [startOf(media), first === undefined ? undefined : startOf(first.media)];
    report.check('same-cut', a === b, `${name}, segment ${msn}`, () => `begins at ${a}, in ${first?.name} at ${b}`);
    const [idr, itsIdr] = [media.samples[0]?.idr, first?.media.samples[0]?.idr];
    report.check('same-cut', idr === itsIdr, `${name}, segment ${msn}`, () => `begins with ${idr ? 'an' : 'no'} IDR, in ${first?.name} with ${itsIdr ? 'one' : 'none'}`);
  });
}

function checkDates(places: readonly Place[], msn: number, report: Report): void {
  // The presentation time zero, as each rendition dates it.
  const zeros = places.flatMap(({ name, media }) => {
    const start = startOf(media);
    const { programDateTime } = media.segment;
    return start === undefined || programDateTime === undefined || media.init === undefined ? [] : [{ name, zero: programDateTime - (start * 1000) / media.init.timescale }];
  });
  const [first, ...others] = zeros;
  others.forEach(({ name, zero }) => {
    const off = zero - (first?.zero ?? zero);
    report.check('same-date', Math.abs(off) <= DATE_TOLERANCE_MILLIS, `${name}, segment ${msn}`, () => `is dated ${off.toFixed(1)} ms later than in ${first?.name}`);
  });
}

/** Only where the group before is of the same epoch: at the start of an epoch sound may begin later than the picture. */
function checkAudio(places: readonly Place[], msn: number, before: readonly Place[], report: Report): void {
  const video = places.find(({ media }) => media.init?.kind === 'video' && media.samples.length > 0)?.media;
  for (const { name, media } of places) {
    const [start, videoStart] = [startOf(media), video === undefined ? undefined : startOf(video)];
    const previous = before.find((place) => place.name === name)?.media;
    const [frame] = media.samples;
    if (media.init?.kind !== 'audio' || video?.init === undefined || start === undefined || videoStart === undefined || frame === undefined) {
      continue;
    }
    if (previous?.whole !== true || previous.segment.discontinuitySequence !== media.segment.discontinuitySequence) {
      continue;
    }
    const after = start / media.init.timescale - videoStart / video.init.timescale;
    // A tick of either timescale is what rounding may cost.
    const tick = 1 / media.init.timescale + 1 / video.init.timescale;
    const holds = after >= -tick && after < frame.duration / media.init.timescale + tick;
    report.check('audio-cut', holds, `${name}, segment ${msn}`, () => `begins ${(after * 1000).toFixed(2)} ms after its picture`);
  }
}
