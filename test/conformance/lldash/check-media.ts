import { initFacts, sampleFacts, type InitFacts, type SampleFacts } from '../llhls/mp4-facts.ts';
import { readEmsg, readPrft, topBoxes, type Emsg } from './boxes.ts';
import { bytesOf, type MediaSeen, type Observation } from './observation.ts';
import { presentationOf, type MpdPeriod, type MpdRepresentation, type MpdSegment, type MpdSet } from './mpd.ts';
import type { Report } from './report.ts';

/** A period may show something up to so long after the next one begins, in seconds: its start is rounded down to 40 ms. */
const OVERLAP = 0.1;

/** `prft` tells wall time as it is estimated now, the manifest as it was when the period began. */
const CLOCK_TOLERANCE = 150;

/** Chunks that come within this many milliseconds were not made one after another. */
const MIN_SPREAD = 400;

type Listed = { readonly period: MpdPeriod; readonly set: MpdSet; readonly representation: MpdRepresentation; readonly segment: MpdSegment; readonly certain: boolean; readonly url: string };

/** Checks what was fetched against what the manifests say of it. */
export function checkMedia(observation: Observation, report: Report): void {
  const listed = lastWords(observation);
  const inits = new Map<string, InitFacts>();
  const messages = new Map<string, Emsg>();
  for (const entry of listed.values()) {
    const init = initOf(entry, observation, inits);
    const seen = observation.media.get(entry.url);
    if (seen !== undefined && init !== undefined && !seen.torn) {
      checkSegment(entry, seen, init, messages, observation, report);
    }
  }
  for (const [url, seen] of observation.media) {
    report.check('available', seen.status === 200, url, () => `answered with ${seen.status}`);
    const again = observation.again.get(url);
    if (again !== undefined && !seen.torn) {
      report.check('same-bytes', Buffer.compare(bytesOf(seen), bytesOf(again)) === 0, url, () => `${bytesOf(seen).length} bytes, then ${bytesOf(again).length}, or others`);
    }
  }
  for (const [url, status] of observation.early) {
    report.check('not-too-early', status === 404 || status === 0, url, () => `answered with ${status}`);
  }
  checkChunks(observation, report);
  checkContinuity(observation, report);
  checkEvents(observation, messages, report);
}

/** Every segment that a manifest listed, as the last one that listed it says. */
function lastWords({ manifests }: Observation): Map<string, Listed> {
  const listed = new Map<string, Listed>();
  for (const { mpd, url } of manifests) {
    mpd.periods.forEach((period, index) => {
      const isRunning = mpd.type === 'dynamic' && index === mpd.periods.length - 1;
      for (const set of period.sets) {
        for (const representation of set.representations) {
          representation.segments.forEach((segment, place, { length }) => {
            const address = new URL(segment.url, url).href;
            listed.set(`${period.id} ${address}`, { period, set, representation, segment, certain: !isRunning || place < length - 2, url: address });
          });
        }
      }
    });
  }
  return listed;
}

function initOf({ representation, url }: Listed, { media, manifests }: Observation, inits: Map<string, InitFacts>): InitFacts | undefined {
  const address = representation.init === undefined ? '' : new URL(representation.init, manifests[0]?.url ?? url).href;
  const seen = media.get(address);
  const known = inits.get(address) ?? (seen?.status === 200 ? initFacts(bytesOf(seen)) : undefined);
  if (known !== undefined) {
    inits.set(address, known);
  }
  return known;
}

function checkSegment(entry: Listed, seen: MediaSeen, init: InitFacts, messages: Map<string, Emsg>, { manifests }: Observation, report: Report): void {
  const { segment, set, representation, period, certain } = entry;
  const where = `period ${period.id}, ${representation.id}, segment ${segment.number}`;
  const bytes = bytesOf(seen);
  const samples = attempt(() => sampleFacts(bytes, init));
  const first = samples.reduce((a, b) => Math.min(a, b.pts), Infinity);
  const end = samples.reduce((a, b) => Math.max(a, b.pts + b.duration), 0);
  const lasts = Math.max(...samples.map(({ duration }) => duration), 0);
  const isWhole = Math.abs(end - (segment.t + segment.d)) <= 1.01 * lasts;
  const holds = samples.length > 0 && (!certain || (Math.abs(first - segment.t) <= 1 && isWhole));
  report.check('segment-time', holds, where, () => `listed from ${segment.t} to ${segment.t + segment.d}, holds ${first} to ${end}`);
  if (set.attributes['startWithSAP'] === '1' && samples[0] !== undefined) {
    report.check('starts-with-sap', isSync(samples[0]), where, () => 'begins with no sync sample');
  }
  const boxes = attempt(() => topBoxes(bytes));
  const [prft] = boxes.filter(({ type }) => type === 'prft');
  const told = prft && readPrft(prft);
  const start = manifests[0]?.mpd.availabilityStart ?? 0;
  const expected = start + presentationOf(period, representation, told?.media ?? 0) * 1000;
  const isCaptured = boxes[0]?.type === 'prft' && told !== undefined && Math.abs(told.wallTime - expected) <= CLOCK_TOLERANCE;
  report.check('prft', isCaptured, where, () => `the first box is ${boxes[0]?.type}, its clock ${(told?.wallTime ?? 0) - expected} ms off`);
  for (const box of boxes.filter(({ type }) => type === 'emsg')) {
    const message = readEmsg(box);
    messages.set(`${message.scheme} ${message.value} ${message.id}`, message);
  }
}

function isSync({ sync, idr }: SampleFacts): boolean {
  return sync && idr !== false;
}

/** Of what was asked for while it grew, most came in several chunks with time between them. */
function checkChunks({ media, manifests }: Observation, report: Report): void {
  const growing = new Set(manifests.flatMap(({ mpd, url }) => (mpd.type === 'static' ? [] : (mpd.periods.at(-1)?.sets.flatMap(({ representations }) => representations.flatMap(({ segments }) => segments.slice(-3).map((segment) => new URL(segment.url, url).href))) ?? []))));
  const seen = [...media.values()].filter(({ url, torn, status }) => growing.has(url) && !torn && status === 200);
  const spread = seen.filter(({ chunks }) => chunks.length > 2 && (chunks.at(-1)?.at ?? 0) - (chunks[0]?.at ?? 0) >= MIN_SPREAD);
  report.check('chunked', seen.length > 0 && spread.length >= seen.length / 3, 'all', () => `${spread.length} of ${seen.length} segments came in chunks`);
}

function checkContinuity({ manifests }: Observation, report: Report): void {
  for (const { mpd } of manifests) {
    mpd.periods.forEach((period, index) => {
      const next = mpd.periods[index + 1];
      for (const { representations } of next === undefined ? [] : period.sets) {
        for (const each of representations) {
          const last = each.segments.at(-1);
          const end = last === undefined ? 0 : presentationOf(period, each, last.t + last.d);
          report.check('period-continuity', next !== undefined && end <= next.start + OVERLAP, `period ${period.id}, ${each.id}`, () => `ends at ${end}, the next one begins at ${next?.start}`);
        }
      }
    });
  }
}

function checkEvents({ manifests }: Observation, messages: ReadonlyMap<string, Emsg>, report: Report): void {
  const last = manifests.at(-1)?.mpd;
  for (const { events, id: period } of last?.periods ?? []) {
    for (const event of events) {
      const inband = messages.get(`${event.scheme} ${event.value} ${event.id}`);
      const holds = inband !== undefined && inband.text === event.text && Math.abs(inband.time - event.time) < 1e-4;
      report.check('events-inband', holds, `period ${period}, event ${event.id}`, () => `${JSON.stringify(event)} against ${JSON.stringify(inband)}`);
    }
  }
}

function attempt<T>(read: () => T[]): T[] {
  try {
    return read();
  } catch {
    return [];
  }
}
