import { parseMediaPlaylist } from '#test/support/m3u8/parse-media-playlist.ts';
import type { MediaPlaylist } from '#test/support/m3u8/playlist.ts';
import { textOf, withDirectives, type Ask } from './ask.ts';
import { placeOf } from './check-history.ts';
import { blocksOf, expandDelta, joined } from './delta.ts';
import { resolve, shortName, type Answer } from './observation.ts';
import { nextPlace } from './observe.ts';
import type { Report } from './report.ts';

/** What is there already is answered within this time, on a machine that is busy with encoding too. */
const AT_ONCE_MILLIS = 1_000;

/** Asks a live media playlist by every directive, right and wrong (rfc8216bis, 6.2.5). */
export async function probeDirectives(url: string, ask: Ask, report: Report): Promise<void> {
  await probeMalformed(url, ask, report);
  await probeTooFar(url, ask, report);
  await probeBlocking(url, ask, report);
  await probePast(url, ask, report);
  await probePastEnd(url, ask, report);
  await probeHint(url, ask, report);
}

async function playlistAt(url: string, ask: Ask): Promise<MediaPlaylist> {
  return parseMediaPlaylist(textOf(await ask(url)));
}

async function probeMalformed(url: string, ask: Ask, report: Report): Promise<void> {
  const { msn } = placeOf(await playlistAt(url, ask));
  for (const directives of [{ part: 0 }, { msn: 'abc' }, { msn: -1 }, { msn: '' }, { msn, part: 'x' }, { msn, part: -1 }, { msn: '1.5' }]) {
    const { status } = await ask(withDirectives(url, directives));
    report.check('directive-malformed', status === 400, `${shortName(url)}, ${JSON.stringify(directives)}`, () => `answered with ${status}`);
  }
}

/** The advance part limit is three parts, or as many as three seconds have where a part is shorter than one (6.2.5.2). */
function advancePartLimit(partTarget: number): number {
  return partTarget < 1 ? Math.ceil(3 / partTarget) : 3;
}

async function probeTooFar(url: string, ask: Ask, report: Report): Promise<void> {
  // At the start of a segment, so that the parts asked for are not of one that has ended meanwhile.
  const before = placeOf(await playlistAt(url, ask));
  const fresh = await playlistAt(withDirectives(url, { msn: before.msn + 1, part: 0 }), ask);
  const { msn, part } = placeOf(fresh);
  const beyond = part + 2 * advancePartLimit(fresh.partTarget ?? 1);
  for (const directives of [{ msn: msn + 4 }, { msn: msn + 1_000_000, part: 0 }, { msn, part: beyond }]) {
    const { status } = await ask(withDirectives(url, directives));
    report.check('directive-too-far', status === 400, `${shortName(url)}, ${JSON.stringify(directives)} at ${msn}.${part}`, () => `answered with ${status}`);
  }
}

async function probeBlocking(url: string, ask: Ask, report: Report): Promise<void> {
  const where = shortName(url);
  for (let round = 0; round < 3; round += 1) {
    const next = nextPlace(await playlistAt(url, ask));
    const reached = answeredPlace(await ask(withDirectives(url, next)));
    report.check('directive-blocks', reached !== undefined && atLeast(reached, next.msn, next.part), `${where}, ${JSON.stringify(next)}`, () => `the answer ends at ${JSON.stringify(reached)}`);
  }
  const { msn } = nextPlace(await playlistAt(url, ask));
  const reached = answeredPlace(await ask(withDirectives(url, { msn })));
  report.check('directive-blocks', reached !== undefined && (reached.msn > msn || (reached.msn === msn && reached.whole)), `${where}, msn ${msn} alone`, () => `the answer ends at ${JSON.stringify(reached)}`);
}

async function probePast(url: string, ask: Ask, report: Report): Promise<void> {
  const playlist = await playlistAt(url, ask);
  const now = placeOf(playlist);
  for (const directives of [{ msn: playlist.mediaSequence }, { msn: playlist.mediaSequence, part: 1 }, { msn: 0 }]) {
    const answer = await ask(withDirectives(url, directives));
    const reached = answeredPlace(answer);
    const took = answer.receivedAt - answer.requestedAt;
    const holds = reached !== undefined && atLeast(reached, now.msn, now.part) && took < AT_ONCE_MILLIS;
    report.check('directive-past', holds, `${shortName(url)}, ${JSON.stringify(directives)}`, () => `status ${answer.status} after ${Math.round(took)} ms, ends at ${JSON.stringify(reached)}`);
  }
}

async function probePastEnd(url: string, ask: Ask, report: Report): Promise<void> {
  const playlist = await playlistAt(url, ask);
  const last = playlist.segments.filter(({ uri, parts }) => uri !== undefined && parts.length > 0).at(-1);
  if (last === undefined) {
    return;
  }
  for (const part of [last.parts.length, last.parts.length + 3]) {
    const reached = answeredPlace(await ask(withDirectives(url, { msn: last.msn, part })));
    report.check('directive-past-end', reached !== undefined && atLeast(reached, last.msn + 1, 0), `${shortName(url)}, ${last.msn}.${part} of ${last.parts.length} parts`, () => `the answer ends at ${JSON.stringify(reached)}`);
  }
}

/** The part after the hinted one was not hinted. */
async function probeHint(url: string, ask: Ask, report: Report): Promise<void> {
  const hint = (await playlistAt(url, ask)).preloadHints[0]?.uri;
  if (hint === undefined) {
    return;
  }
  const later = hint.replace(/(\d+)(?=\.m4s$)/, (part) => `${Number(part) + 4}`);
  const { status } = await ask(resolve(url, later));
  report.check('unhinted-part', status === 404, `${shortName(url)}, ${later} with a hint of ${hint}`, () => `answered with ${status}`);
}

/** Asks for delta updates until one skips something and nothing happened in between; false where that never came about. */
export async function probeDelta(url: string, ask: Ask, report: Report): Promise<boolean> {
  for (let round = 0; round < 20; round += 1) {
    const before = textOf(await ask(url));
    const delta = textOf(await ask(withDirectives(url, { skip: 'YES' })));
    const after = textOf(await ask(url));
    if (before === after && blocksOf(delta).skipped > 0) {
      const { head, segments, tail } = blocksOf(after);
      const expanded = expandDelta(before, delta);
      report.check('delta-update', expanded === joined({ head, segments, tail }), shortName(url), () => `is not the playlist:\n${delta}`);
      const { targetDuration } = parseMediaPlaylist(after);
      report.check('delta-update', keptSeconds(delta) >= 6 * targetDuration - 1e-3, shortName(url), () => `keeps only ${keptSeconds(delta)} s`);
      return true;
    }
    await ask(withDirectives(url, nextPlace(parseMediaPlaylist(after))));
  }
  return false;
}

function keptSeconds(delta: string): number {
  return parseMediaPlaylist(delta).segments.reduce((all, { duration, parts }) => all + (duration ?? parts.reduce((sum, part) => sum + part.duration, 0)), 0);
}

/** Asks a playlist that has ended (6.2.5: directives have no effect). */
export async function probeAfterEnd(url: string, ask: Ask, report: Report): Promise<void> {
  const { msn } = placeOf(await playlistAt(url, ask));
  for (const directives of [{ msn: msn + 1, part: 0 }, { msn: msn + 1_000 }, { skip: 'YES' }]) {
    const answer = await ask(withDirectives(url, directives));
    const took = answer.receivedAt - answer.requestedAt;
    const holds = answer.status === 200 && textOf(answer).includes('#EXT-X-ENDLIST') && took < AT_ONCE_MILLIS;
    report.check('directive-after-end', holds, `${shortName(url)}, ${JSON.stringify(directives)}`, () => `status ${answer.status} after ${Math.round(took)} ms`);
  }
}

/** Waits for what will not come: the publisher is gone. */
export async function probeTimeout(url: string, ask: Ask, report: Report): Promise<void> {
  const playlist = await playlistAt(url, ask);
  const next = nextPlace(playlist);
  const answer = await ask(withDirectives(url, next));
  const took = (answer.receivedAt - answer.requestedAt) / 1000;
  const patience = 3 * playlist.targetDuration;
  const holds = answer.status === 503 && took >= patience - 0.1 && took <= patience + 1;
  report.check('directive-timeout', holds, `${shortName(url)}, ${JSON.stringify(next)}`, () => `status ${answer.status} after ${took.toFixed(1)} s, where 503 after ${patience} s belongs`);
}

function answeredPlace(answer: Answer): ReturnType<typeof placeOf> | undefined {
  return answer.status === 200 ? placeOf(parseMediaPlaylist(textOf(answer))) : undefined;
}

function atLeast(place: ReturnType<typeof placeOf>, msn: number, part: number): boolean {
  return place.msn > msn || (place.msn === msn && (place.whole || place.part >= part));
}
