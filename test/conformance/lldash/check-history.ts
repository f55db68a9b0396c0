import type { ManifestSeen, Observation } from './observation.ts';
import type { Mpd, MpdPeriod, MpdRepresentation } from './mpd.ts';
import type { Report } from './report.ts';

/** Checks what must stay the same, and what may change, from manifest to manifest. */
export function checkHistory({ manifests }: Observation, report: Report): void {
  manifests.forEach((now, index) => {
    const before = manifests[index - 1];
    const where = `manifest ${index}`;
    if (before !== undefined) {
      checkPresentation(before.mpd, now.mpd, where, report);
      checkPeriods(before.mpd, now.mpd, where, report);
      checkUpdate(before, now, where, report);
    }
    checkNumbers(now.mpd, where, report);
  });
}

function checkPresentation(before: Mpd, now: Mpd, where: string, report: Report): void {
  const isSame = before.id === now.id && before.availabilityStart === now.availabilityStart;
  report.check('availability-start', isSame, where, () => `${before.id} from ${before.availabilityStart} became ${now.id} from ${now.availabilityStart}`);
  report.check('publish-time', now.publishTime >= before.publishTime, where, () => `${before.publishTime} became ${now.publishTime}`);
  if (now.type === 'static') {
    const listed = (mpd: Mpd): string => mpd.periods.map(({ id }) => id).join(' ');
    report.check('static-end', now.duration !== undefined && listed(now) === listed(before), where, () => `duration ${now.duration}, periods ${listed(now)} after ${listed(before)}`);
  }
  report.check('static-end', before.type !== 'static' || now.type === 'static', where, () => 'goes on after its end');
}

function checkPeriods(before: Mpd, now: Mpd, where: string, report: Report): void {
  const kept = before.periods.map(({ id }) => id).filter((id) => now.periods.some((period) => period.id === id));
  const front = now.periods.slice(0, kept.length).map(({ id }) => id);
  const left = before.periods.slice(before.periods.length - kept.length).map(({ id }) => id);
  report.check('periods-in-turn', `${front}` === `${kept}` && `${left}` === `${kept}`, where, () => `${before.periods.map(({ id }) => id).join(' ')} became ${now.periods.map(({ id }) => id).join(' ')}`);
  for (const period of now.periods) {
    const known = before.periods.find(({ id }) => id === period.id);
    if (known !== undefined) {
      const wasLast = known === before.periods.at(-1);
      checkPeriod(known, period, wasLast, `${where}, period ${period.id}`, report);
    }
  }
}

function checkPeriod(before: MpdPeriod, now: MpdPeriod, wasLast: boolean, where: string, report: Report): void {
  report.check('period-constant', before.start === now.start, where, () => `began at ${before.start}, begins at ${now.start}`);
  for (const each of representationsOf(now)) {
    const known = representationsOf(before).find(({ id }) => id === each.id);
    if (known === undefined) {
      continue;
    }
    const facts = ({ init, timescale, presentationTimeOffset, attributes, media }: MpdRepresentation): string => JSON.stringify([init, timescale, presentationTimeOffset, attributes['codecs'], media]);
    report.check('period-constant', facts(known) === facts(each), `${where}, ${each.id}`, () => `${facts(known)} became ${facts(each)}`);
    checkSegments(known, each, wasLast, `${where}, ${each.id}`, report);
  }
}

function checkSegments(before: MpdRepresentation, now: MpdRepresentation, wasLast: boolean, where: string, report: Report): void {
  // The one in the making and the one after it were foretold; so was the last length of what is whole, where the next was not there.
  const certain = wasLast ? before.segments.slice(0, -2) : before.segments;
  const [first, last] = [now.segments[0]?.number ?? 0, now.segments.at(-1)?.number ?? 0];
  const begun = before.segments.at(wasLast ? -2 : -1)?.number ?? 0;
  report.check('segments-in-turn', first >= (before.segments[0]?.number ?? 0) && last >= begun, where, () => `${before.segments[0]?.number} to ${begun} became ${first} to ${last}`);
  for (const segment of certain) {
    const again = now.segments[segment.number - first];
    if (again !== undefined) {
      report.check('segment-constant', again.t === segment.t && again.d === segment.d, `${where}, segment ${segment.number}`, () => `${segment.t} for ${segment.d} became ${again.t} for ${again.d}`);
    }
  }
}

/** The update that the manifest before named has something new, or came late because there was nothing. */
function checkUpdate(before: ManifestSeen, now: ManifestSeen, where: string, report: Report): void {
  const after = Number(new URLSearchParams(before.mpd.location?.split('?')[1]).get('after') ?? Number.NaN);
  const next = Number(new URLSearchParams(now.mpd.location?.split('?')[1]).get('after') ?? Number.NaN);
  const waited = now.receivedAt - now.requestedAt;
  const holds = now.mpd.type === 'static' || next > after || waited >= 5500;
  report.check('held-update', holds, where, () => `asked for what comes after ${after}, got ${next} after ${waited} ms`);
}

function checkNumbers({ periods }: Mpd, where: string, report: Report): void {
  const owners = new Map<string, string>();
  periods.forEach((period, index) => {
    for (const { segments } of representationsOf(period)) {
      const begun = index === periods.length - 1 ? segments.slice(0, -1) : segments;
      for (const { url } of begun) {
        const owner = owners.get(url);
        report.check('numbers-once', owner === undefined, `${where}, period ${period.id}`, () => `${url} stands also in period ${owner}`);
        owners.set(url, period.id);
      }
    }
  });
}

function representationsOf({ sets }: MpdPeriod): readonly MpdRepresentation[] {
  return sets.flatMap(({ representations }) => representations);
}
