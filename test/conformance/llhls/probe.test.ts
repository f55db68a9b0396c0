import { expect, test } from 'vitest';

import type { AskOptions } from './ask.ts';
import { blocksOf, expandDelta } from './delta.ts';
import type { Answer } from './observation.ts';
import { probeAfterEnd, probeDelta, probeDirectives, probeTimeout } from './probe-directives.ts';
import { probeMediaAnswers, probePlaylistAnswers } from './probe-http.ts';
import { Report } from './report.ts';
import { rules, type RuleName } from './rules.ts';
import { FAKE_PLAYLIST, fakeServer, type FakeServerOptions } from './testing/fake-server.ts';

type Fault = NonNullable<FakeServerOptions['fault']>;

/** Puts every question to a server with a fault. */
async function probed(fault: Fault = (answer) => answer): Promise<Report> {
  const report = new Report();
  const live = fakeServer({ at: 8_100, fault });
  await probeDirectives(FAKE_PLAYLIST, live, report);
  await probePlaylistAnswers(FAKE_PLAYLIST, live, report);
  await probeMediaAnswers(FAKE_PLAYLIST, live, report);
  expect(await probeDelta(FAKE_PLAYLIST, fakeServer({ at: 13_500, fault }), report)).toBe(true);
  await probeTimeout(FAKE_PLAYLIST, fakeServer({ at: 8_100, stalled: true, fault }), report);
  await probeAfterEnd(FAKE_PLAYLIST, fakeServer({ at: 16_000, ended: true, fault }), report);
  return report;
}

test('a server that does everything right passes, and every rule was tried', async () => {
  const report = await probed();
  expect(report.toString()).toBe('');
  const asked = (Object.keys(rules) as RuleName[]).filter((rule) => /^(http|directive|unhinted|delta)-/.test(rule));
  expect(asked.filter((rule) => report.timesTried(rule) === 0)).toEqual([]);
});

const isPlaylist = (url: URL): boolean => url.pathname.endsWith('.m3u8');
const status = (when: (answer: Answer, url: URL, options: AskOptions) => boolean, to: number): Fault => (answer, url, options) => (when(answer, url, options) ? { ...answer, status: to } : answer);
const text = (when: (answer: Answer, url: URL) => boolean, from: RegExp, to: string): Fault => (answer, url) =>
  when(answer, url) ? { ...answer, bytes: Buffer.from(Buffer.from(answer.bytes).toString().replace(from, to)) } : answer;
const header = (when: (url: URL, answer: Answer) => boolean, name: string, value: string): Fault => (answer, url) => (when(url, answer) ? { ...answer, headers: { ...answer.headers, [name]: value } } : answer);

const faults: readonly (readonly [what: string, fault: Fault, broken: readonly RuleName[]])[] = [
  ['a part without its segment let through', status((_, url) => url.searchParams.has('_HLS_part') && !url.searchParams.has('_HLS_msn'), 200), ['directive-malformed']],
  ['no patience for what is far ahead, but no refusal', status((answer, url) => answer.status === 400 && Number(url.searchParams.get('_HLS_msn')) > 1_000, 503), ['directive-too-far']],
  ['a part beyond the limit let through', status((answer, url) => answer.status === 400 && Number(url.searchParams.get('_HLS_part')) > 9, 200), ['directive-too-far']],
  ['answers that do not wait', text((_, url) => url.searchParams.has('_HLS_msn'), /(#EXT-X-PART:.*\n)(?=#EXT-X-PRELOAD)/, ''), ['directive-blocks', 'directive-past-end']],
  ['waiting for what is there', (answer, url) => (url.searchParams.get('_HLS_msn') === '0' ? { ...answer, receivedAt: answer.receivedAt + 1_200 } : answer), ['directive-past']],
  ['a part past the end refused', status((answer, url) => answer.status === 200 && Number(url.searchParams.get('_HLS_part')) > 4, 400), ['directive-past-end']],
  ['an answer of 200 after a long wait', status((answer) => answer.status === 503, 200), ['directive-timeout']],
  ['giving up too soon', (answer) => (answer.status === 503 ? { ...answer, receivedAt: answer.requestedAt + 1_000 } : answer), ['directive-timeout']],
  ['directives after the end refused', (answer, url) => (Buffer.from(answer.bytes).includes('ENDLIST') && url.searchParams.has('_HLS_msn') ? { ...answer, status: 400 } : answer), ['directive-after-end']],
  ['parts to come that are waited for though nobody hinted them', status((answer, url) => answer.status === 404 && !isPlaylist(url), 200), ['unhinted-part']],
  ['a delta update that skips one too many', text((_, url) => url.searchParams.get('_HLS_skip') === 'YES', /(SKIPPED.*\n)[\s\S]*?\.m4s\n/, '$1'), ['delta-update']],
  ['a delta update with another date', text((_, url) => url.searchParams.get('_HLS_skip') === 'YES', /:00\.000Z|:1\d\.000Z/, ':19.001Z'), ['delta-update']],
  ['playlists of another type', header(isPlaylist, 'content-type', 'text/plain'), ['http-playlist']],
  ['playlists that caches keep', header(isPlaylist, 'cache-control', 'max-age=60'), ['http-playlist']],
  ['playlists for one origin', header(isPlaylist, 'access-control-allow-origin', 'https://server'), ['http-playlist']],
  ['compression nobody asked for', header(isPlaylist, 'content-encoding', 'gzip'), ['http-playlist']],
  ['HEAD refused', status((_, __, { method }) => method === 'HEAD', 405), ['http-media', 'http-playlist']],
  ['media that caches do not keep', header((url) => !isPlaylist(url), 'cache-control', 'no-cache'), ['http-media']],
  ['ranges ignored', status((answer) => answer.status === 206, 200), ['http-media']],
  ['a wrong range', (answer) => (answer.status === 206 ? { ...answer, bytes: answer.bytes.subarray(1) } : answer), ['http-media']],
  ['a range past the end answered', status((answer) => answer.status === 416, 206), ['http-media']],
];

test.each(faults)('%s: found', async (_, fault, broken) => {
  const report = await probed(fault);
  expect(report.brokenRules, report.toString()).toEqual(broken);
});

test('a delta update onto a playlist that lacks what was skipped cannot be expanded', () => {
  const delta = '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:5\n#EXT-X-SKIP:SKIPPED-SEGMENTS=2\n#EXTINF:1,\n7.m4s\n';
  const earlier = '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:4\n#EXTINF:1,\n4.m4s\n#EXTINF:1,\n5.m4s\n';
  expect(expandDelta(earlier, delta)).toBeUndefined();
  expect(blocksOf(expandDelta(`${earlier}#EXTINF:1,\n6.m4s\n`, delta) ?? '').segments).toEqual(['#EXTINF:1,\n5.m4s\n', '#EXTINF:1,\n6.m4s\n', '#EXTINF:1,\n7.m4s\n']);
});
