import type { InitFacts, SampleFacts } from './mp4-facts.ts';
import { isOk, type RenditionMedia, type SegmentMedia } from './media-index.ts';
import { shortName, type Answer, type Observation, type RenditionHistory } from './observation.ts';
import type { Report } from './report.ts';

/** Durations in playlists are rounded to 10 microseconds; wider ones would let frames get lost. */
const DURATION_TOLERANCE_SECONDS = 0.000_02;

/** Checks the bytes behind a rendition's playlist. */
export function checkMedia(observation: Observation, media: readonly RenditionMedia[], report: Report): void {
  observation.renditions.forEach((history, index) => {
    const of = media[index];
    if (of === undefined) {
      return;
    }
    checkAnswers(history, of, report);
    const independentSegments = observation.multivariant.independentSegments || history.snapshots.some(({ playlist }) => playlist.independentSegments);
    of.segments.forEach((segment) => checkSegment(history, segment, independentSegments, report));
    checkContinuity(of, report);
  });
}

function checkAnswers(history: RenditionHistory, media: RenditionMedia, report: Report): void {
  media.faults.forEach((fault) => report.check('resource', false, shortName(history.url), () => fault));
  for (const [url, answer] of history.resources) {
    const where = shortName(url);
    report.check('resource', answer.status === 200, where, () => `answered with ${answer.status}`);
    report.check('resource', /^(video|audio)\/mp4\b/.test(answer.headers['content-type'] ?? ''), where, () => `is of the type ${answer.headers['content-type']}`);
  }
  history.refetched.forEach((again, url) => {
    const where = shortName(url);
    const first = history.resources.get(url);
    report.check('removed-still-there', again.status === 200, where, () => `answered with ${again.status} after it had left the playlist`);
    if (isOk(first) && isOk(again)) {
      report.check('same-bytes', equal(first, again), where, () => `had ${first.bytes.length} bytes, then ${again.bytes.length} others`);
    }
  });
  const patience = 3000 * (history.snapshots[0]?.playlist.targetDuration ?? 0);
  history.hinted.forEach((hinted, url) => {
    const listed = history.resources.get(url);
    if (isOk(listed)) {
      // Where the publisher was away the request may have been let go; asked again, the part is there.
      const letGo = hinted.status === 503 && hinted.receivedAt - hinted.requestedAt >= patience - 100;
      report.check('hint-bytes', letGo || (hinted.status === 200 && equal(hinted, listed)), shortName(url), () => `the hint was answered with ${hinted.status} and ${hinted.bytes.length} bytes, the part has ${listed.bytes.length}`);
    }
  });
}

function checkSegment(history: RenditionHistory, { segment, init, parts, samples, whole }: SegmentMedia, independentSegments: boolean, report: Report): void {
  const where = `${shortName(history.url)}, segment ${segment.msn}`;
  const bytes = segment.url === undefined ? undefined : history.resources.get(segment.url);
  if (segment.partsWhole && isOk(bytes) && !segment.gap) {
    const tiles = segment.parts.map(({ url }) => history.resources.get(url));
    if (tiles.every(isOk)) {
      report.check('parts-tile', Buffer.concat(tiles.map((tile) => tile.bytes)).equals(bytes.bytes), where, () => `its ${tiles.length} parts are not its ${bytes.bytes.length} bytes`);
    }
  }
  if (init === undefined) {
    return;
  }
  if (whole && segment.duration !== undefined) {
    checkDuration(samples, segment.duration, init, where, report);
  }
  parts.forEach((part, index) => {
    const tag = segment.parts[index];
    if (part !== undefined && tag !== undefined) {
      const place = `${where}, part ${index}`;
      checkDuration(part, tag.duration, init, place, report);
      const independent = part.some(({ idr }) => idr ?? true);
      report.check('independent', tag.independent === independent, place, () => `INDEPENDENT=${tag.independent ? 'YES' : 'NO'}, and it has ${independent ? 'an' : 'no'} independent frame`);
    }
  });
  samples.forEach(({ sync, idr }, index) => report.check('sync-flags', sync === (idr ?? true), `${where}, sample ${index}`, () => `is flagged ${sync ? 'sync' : 'non-sync'}`));
  const [first] = samples;
  if (independentSegments && first !== undefined) {
    report.check('independent-segments', first.idr ?? true, where, () => 'begins with a frame that is not independent');
  }
}

function checkDuration(samples: readonly SampleFacts[], stated: number, init: InitFacts, where: string, report: Report): void {
  const real = samples.reduce((sum, { duration }) => sum + duration, 0) / init.timescale;
  report.check('media-duration', Math.abs(real - stated) <= DURATION_TOLERANCE_SECONDS, where, () => `is said to last ${stated}, and its samples last ${real.toFixed(6)}`);
}

function checkContinuity(media: RenditionMedia, report: Report): void {
  let before: SegmentMedia | undefined;
  for (const now of media.segments) {
    const where = `${shortName(media.url)}, segment ${now.segment.msn}`;
    checkRow(now.samples, where, report);
    const [last, first] = [before?.samples.at(-1), now.samples[0]];
    if (before !== undefined && last !== undefined && first !== undefined) {
      const sameTimeline = before.segment.discontinuitySequence === now.segment.discontinuitySequence && before.segment.msn + 1 === now.segment.msn;
      const end = last.dts + last.duration;
      const holds = sameTimeline && before.whole ? first.dts === end : first.dts >= end;
      report.check('timeline', holds, where, () => `begins at ${first.dts}, and the segment before ends at ${end}`);
    }
    before = now.samples.length > 0 ? now : before;
  }
}

function checkRow(samples: readonly SampleFacts[], where: string, report: Report): void {
  for (let index = 1; index < samples.length; index += 1) {
    const [last, now] = [samples[index - 1], samples[index]];
    if (last !== undefined && now !== undefined) {
      report.check('timeline', now.dts === last.dts + last.duration, `${where}, sample ${index}`, () => `begins at ${now.dts}, and the one before ends at ${last.dts + last.duration}`);
    }
  }
}

function equal(a: Answer, b: Answer): boolean {
  return Buffer.from(a.bytes).equals(b.bytes);
}
