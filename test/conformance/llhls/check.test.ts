import { expect, test } from 'vitest';

import { ticks } from '#core/media/time.ts';

import { checkObservation } from './check.ts';
import type { RuleName } from './rules.ts';
import { rules } from './rules.ts';
import { observedSample, type Plant } from './testing/observed-sample.ts';
import { nalUnit } from './testing/sample-stream.ts';

/** Rules that need the server; `probe.test.ts` plants faults against them. */
const probed = (rule: RuleName): boolean => /^(http|directive|unhinted|delta)-/.test(rule);

test('a stream that breaks no rule passes, and every rule was tried', () => {
  const report = checkObservation(observedSample());
  expect(report.toString()).toBe('');
  const untried = (Object.keys(rules) as RuleName[]).filter((rule) => !probed(rule) && report.timesTried(rule) === 0);
  expect(untried).toEqual([]);
});

/** Replaces in every playlist of the rendition `video`, so that nothing changes from one to the next. */
const everywhere = (from: string | RegExp, to: string): Plant => ({ playlist: (text, { rendition }) => (rendition === 'video' ? text.replace(from, to) : text) });
/** Replaces in one playlist of the rendition `video`. */
const once = (from: string | RegExp, to: string, at = 60): Plant => ({ playlist: (text, { rendition, index }) => (rendition === 'video' && index === at ? text.replace(from, to) : text) });
const inMultivariant = (from: string | RegExp, to: string): Plant => ({ multivariant: (text) => text.replace(from, to) });
const inSample = (change: NonNullable<Plant['sample']>): Plant => ({ sample: (sample, place) => (place.rendition === 'video' && place.msn === 107 ? change(sample, place) : sample) });
const inAnswer = (uri: string, when: 'listed' | 'again' | 'hint', change: (bytes: Uint8Array) => Uint8Array): Plant => ({
  answer: (answer, place) => (place.rendition === 'video' && place.uri === uri && place.when === when ? { ...answer, bytes: change(answer.bytes) } : answer),
});
const flipLast = (bytes: Uint8Array): Uint8Array => bytes.map((byte, index) => (index === bytes.length - 1 ? byte ^ 1 : byte));

/** Every fault, and all the rules that it breaks. */
const faults: readonly (readonly [what: string, plant: Plant, broken: readonly RuleName[]])[] = [
  ['a line that is no tag', once(/$/, '#EXT-X-NONSENSE\n'), ['syntax']],
  ['version 6', everywhere('VERSION:9', 'VERSION:6'), ['version']],
  ['a target duration below a segment\'s', { playlist: (text) => text.replace('TARGETDURATION:2', 'TARGETDURATION:0').replace('CAN-SKIP-UNTIL=12', 'CAN-SKIP-UNTIL=0') }, ['parts-near-the-edge', 'target-duration']],
  ['no CAN-BLOCK-RELOAD', everywhere('CAN-BLOCK-RELOAD=YES,', ''), ['same-server-control', 'server-control']],
  ['PART-HOLD-BACK of 1.9 parts', { playlist: (text) => text.replace('PART-HOLD-BACK=0.6', 'PART-HOLD-BACK=0.38') }, ['part-hold-back', 'part-hold-back-recommended']],
  ['PART-HOLD-BACK of 2.5 parts', { playlist: (text) => text.replace('PART-HOLD-BACK=0.6', 'PART-HOLD-BACK=0.5') }, ['part-hold-back-recommended']],
  ['HOLD-BACK of 2.5 segments', { playlist: (text) => text.replace(',HOLD-BACK=6', ',HOLD-BACK=5') }, ['hold-back']],
  ['CAN-SKIP-UNTIL of 5 segments', { playlist: (text) => text.replace('CAN-SKIP-UNTIL=12', 'CAN-SKIP-UNTIL=10') }, ['can-skip-until']],
  ['no EXT-X-PART-INF', everywhere(/#EXT-X-PART-INF.*\n/, ''), ['part-duration-maximum', 'part-inf', 'same-server-control']],
  ['parts longer than the part target', { playlist: (text) => text.replace('PART-TARGET=0.2', 'PART-TARGET=0.199') }, ['part-duration-maximum']],
  ['parts shorter than 85 % of the part target', { playlist: (text) => text.replace('PART-TARGET=0.2', 'PART-TARGET=0.24').replace('PART-HOLD-BACK=0.6', 'PART-HOLD-BACK=0.72') }, ['part-duration-minimum']],
  ['no parts at the edge', once(/#EXT-X-PART:.*"(112|111).*\n/g, ''), ['edge', 'parts-near-the-edge', 'rendition-report-truth']],
  ['parts far from the edge', once('#EXTINF:1.00000,\n106.m4s', '#EXT-X-PART:DURATION=0.20000,URI="106.0.m4s",INDEPENDENT=YES\n#EXTINF:1.00000,\n106.m4s', 70), ['parts-near-the-edge']],
  ['no EXT-X-MAP', once(/#EXT-X-MAP.*\n/g, ''), ['map', 'segment-identity']],
  ['no date at the start', once(/#EXT-X-PROGRAM-DATE-TIME.*\n/, ''), ['program-date-time', 'segment-identity']],
  ['a hint of what is listed', once(/TYPE=PART,URI="[^"]*"/, 'TYPE=PART,URI="112.0.m4s"'), ['preload-hint']],
  ['no hint', once(/#EXT-X-PRELOAD-HINT.*\n/, ''), ['preload-hint']],
  ['two hints of parts', once(/(#EXT-X-PRELOAD-HINT.*)\n/, '$1\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI="113.0.m4s"\n'), ['preload-hint']],
  ['a hint after the end', { playlist: (text, { isLast }) => (isLast ? `${text}#EXT-X-PRELOAD-HINT:TYPE=PART,URI="116.0.m4s"\n` : text) }, ['preload-hint']],
  ['a report missing', once(/#EXT-X-RENDITION-REPORT:URI="..\/audio.*\n/, ''), ['rendition-report']],
  ['a report on itself', once(/$/, '#EXT-X-RENDITION-REPORT:URI="media.m3u8",LAST-MSN=112,LAST-PART=0\n'), ['rendition-report']],
  ['a report without LAST-PART', once(/,LAST-PART=\d+\n$/, '\n'), ['rendition-report']],
  ['a report that lags', once(/(v180.*LAST-MSN)=112/, '$1=111'), ['rendition-report-truth']],
  ['a report that runs ahead', once(/(v180.*LAST-MSN)=112/, '$1=113'), ['rendition-report-truth']],
  ['a window of five seconds', { windowMillis: 5_000 }, ['live-window']],
  ['a media sequence that goes back', once(/MEDIA-SEQUENCE:104/, 'MEDIA-SEQUENCE:103'), ['audio-cut', 'date-continuity', 'discontinuity-sequence', 'edge', 'media-sequence', 'part-identity', 'parts-tile', 'rendition-report-truth', 'same-cut', 'same-discontinuity', 'segment-identity', 'timeline', 'uri-once']],
  ['a discontinuity sequence that does not count what left', once(/DISCONTINUITY-SEQUENCE:2/, 'DISCONTINUITY-SEQUENCE:1'), ['discontinuity-sequence']],
  ['a discontinuity that is not told', everywhere(/#EXT-X-DISCONTINUITY\n/, ''), ['discontinuity-sequence']],
  ['another URI for a number', once('108.m4s', '108x.m4s'), ['segment-identity']],
  ['another duration for a number', once('#EXTINF:1.00000,\n108', '#EXTINF:1.10000,\n108'), ['segment-identity']],
  ['one URI for two numbers', everywhere('108.m4s', '107.m4s'), ['audio-cut', 'parts-tile', 'same-cut', 'same-date', 'timeline', 'uri-once']],
  ['a part that changes', once('URI="112.0.m4s",INDEPENDENT=YES', 'URI="112.0.m4s"'), ['part-identity']],
  ['a playlist without its newest parts', once(/(#EXT-X-PART:.*\n){2}(?=#EXT-X-PRELOAD)/, '', 62), ['edge', 'rendition-report-truth']],
  ['another target duration', once('TARGETDURATION:2', 'TARGETDURATION:1'), ['parts-near-the-edge', 'same-server-control', 'target-duration-constant']],
  ['an end that is taken back', once(/#EXT-X-PRELOAD[\s\S]*/, '#EXT-X-ENDLIST\n'), ['end-list']],
  ['a segment longer than its parts and samples', everywhere('#EXTINF:1.00000,\n108', '#EXTINF:1.00100,\n108'), ['media-duration', 'part-sum']],
  ['a message that is moved', once(/(ID="message-108".*)DURATION=0/, '$1DURATION=1'), ['date-range-identity']],
  ['a message that another rendition tells otherwise', everywhere('X-DATA="108"', 'X-DATA="109"'), ['date-range-identity']],
  ['one id for two messages', once('ID="message-108"', 'ID="message-109"'), ['date-range', 'date-range-identity', 'same-date-ranges']],
  ['a message that one rendition does not tell', everywhere(/#EXT-X-DATERANGE:ID="message-108".*\n/, ''), ['same-date-ranges']],
  ['a date 10 ms off', everywhere(/(?<=TIME:.*)03:00:22.000Z/, '03:00:22.010Z'), ['date-continuity', 'same-date']],
  ['a date 3 ms off in one rendition', everywhere(/(?<=TIME:.*)03:00:22.000Z/, '03:00:22.003Z'), ['same-date']],
  ['a part that says INDEPENDENT and is not', everywhere(/(#EXT-X-PART:.*URI="108\.1\.m4s")/, '$1,INDEPENDENT=YES'), ['independent']],
  ['an independent part that does not say so', everywhere('URI="108.0.m4s",INDEPENDENT=YES', 'URI="108.0.m4s"'), ['independent']],
  ['a segment missing on the server', { answer: (answer, { uri }) => (uri === '108.m4s' ? { ...answer, status: 404 } : answer) }, ['resource']],
  ['media of another type', { answer: (answer) => ({ ...answer, headers: { 'content-type': 'application/octet-stream' } }) }, ['resource']],
  ['an init segment that is none', inAnswer('init-a.mp4', 'listed', () => new Uint8Array(20)), ['codecs', 'resource']],
  ['a segment that is gone too soon', { answer: (answer, { when }) => (when === 'again' ? { ...answer, status: 404 } : answer) }, ['removed-still-there']],
  ['other bytes the second time', inAnswer('101.m4s', 'again', flipLast), ['same-bytes']],
  ['a hint with other bytes', inAnswer('108.1.m4s', 'hint', flipLast), ['hint-bytes']],
  ['a hint let go at once', { answer: (answer, { when, uri }) => (when === 'hint' && uri === '108.1.m4s' ? { ...answer, status: 503 } : answer) }, ['hint-bytes']],
  ['a hint let go after three target durations (which is right)', { answer: (answer, { when, uri }) => (when === 'hint' && uri === '108.1.m4s' ? { ...answer, status: 503, receivedAt: 6_000 } : answer) }, []],
  ['a part that is not of its segment', inAnswer('108.1.m4s', 'listed', flipLast), ['hint-bytes', 'parts-tile']],
  ['an IDR that is not flagged', inSample((sample, { index }) => ({ ...sample, key: index === 0 ? false : sample.key })), ['sync-flags']],
  ['a flag on what is no IDR', inSample((sample, { index }) => ({ ...sample, key: sample.key || index === 9 })), ['sync-flags']],
  ['a segment without IDR', inSample((sample, { index }) => (index === 0 ? { ...sample, key: false, data: nalUnit(1, 2_000) } : sample)), ['independent', 'independent-segments', 'same-cut']],
  ['a group that begins a tick later than in the other rung', inSample((sample, { index }) => (index === 0 ? { ...sample, pts: ticks(sample.pts + 1) } : sample)), ['same-cut']],
  ['a hole in the decode times', inSample((sample) => ({ ...sample, dts: ticks(sample.dts + 90), pts: ticks(sample.pts + 90) })), ['same-cut', 'timeline']],
  ['sound cut a frame too late', { sample: (sample, { rendition, msn }) => (rendition === 'audio' && msn >= 107 ? { ...sample, pts: ticks(sample.pts + 2_048), dts: ticks(sample.dts + 2_048) } : sample) }, ['audio-cut', 'date-continuity', 'parts-near-the-edge', 'timeline']],
  ['a variant without its size', inMultivariant('RESOLUTION=640x360,', ''), ['resolution', 'variants']],
  ['the wrong size', inMultivariant('640x360', '640x368'), ['resolution']],
  ['a variant twice', inMultivariant('b1/v180/media.m3u8', 'b1/video/media.m3u8'), ['resolution', 'variants']],
  ['sound of a group that is not there', inMultivariant('FRAME-RATE=30.000,AUDIO="audio"', 'FRAME-RATE=30.000,AUDIO="sound"'), ['audio-group', 'codecs']],
  ['the wrong number of channels', inMultivariant('CHANNELS="2"', 'CHANNELS="6"'), ['audio-group']],
  ['a codec left out', inMultivariant('avc1.42c01e,mp4a.40.2', 'avc1.42c01e'), ['codecs']],
  ['the wrong profile', inMultivariant('avc1.42c01e', 'avc1.64001f'), ['codecs']],
  ['the wrong frame rate', inMultivariant('FRAME-RATE=30.000', 'FRAME-RATE=29.970'), ['frame-rate']],
  ['a bandwidth below the peak', inMultivariant('BANDWIDTH=400000,AVERAGE-BANDWIDTH=300000', 'BANDWIDTH=150000,AVERAGE-BANDWIDTH=100000'), ['bandwidth']],
  ['a bandwidth below the average', inMultivariant('AVERAGE-BANDWIDTH=300000', 'AVERAGE-BANDWIDTH=500000'), ['bandwidth']],
];

test.each(faults)('%s: breaks what it has to', (_, plant, broken) => {
  const report = checkObservation(observedSample(plant));
  expect(report.brokenRules, report.toString()).toEqual(broken);
});

test('every rule that needs no server has a planted fault', () => {
  const planted = new Set(faults.flatMap(([, , broken]) => broken));
  expect((Object.keys(rules) as RuleName[]).filter((rule) => !probed(rule) && !planted.has(rule))).toEqual([]);
});

test('a finding says what, where and by which section', () => {
  const text = checkObservation(observedSample(once('TARGETDURATION:2', 'TARGETDURATION:1'))).toString();
  expect(text).toContain('target-duration-constant (4.4.3.1): video/media.m3u8, playlist 60: 2 became 1');
  expect(text).toContain(rules['target-duration-constant'].says);
});
