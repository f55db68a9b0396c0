import { expect, test } from 'vitest';

import { ticks } from '#core/media/time.ts';

import { checkObservation } from './check.ts';
import type { MediaSeen } from './observation.ts';
import { rules, type RuleName } from './rules.ts';
import { observedSample, type Plant } from './testing/observed-sample.ts';

const allRules = Object.keys(rules) as RuleName[];

test('a stream that breaks no rule passes, and every rule was tried', () => {
  const report = checkObservation(observedSample());
  expect(report.toString()).toBe('');
  expect(allRules.filter((rule) => report.timesTried(rule) === 0)).toEqual([]);
});

/** Replaces in every manifest, so that nothing changes from one to the next. */
const everywhere = (from: string | RegExp, to: string): Plant => ({ manifest: (text) => text.replaceAll(from, to) });
/** Replaces in one manifest: the one of which group 108 is the newest. */
const once = (from: string | RegExp, to: string): Plant => ({ manifest: (text, { newest }) => (newest === 108 ? text.replace(from, to) : text) });
const inLive = (from: string | RegExp, to: string): Plant => ({ manifest: (text, { isLast }) => (isLast ? text : text.replaceAll(from, to)) });
const inLast = (from: string | RegExp, to: string): Plant => ({ manifest: (text, { isLast }) => (isLast ? text.replaceAll(from, to) : text) });
const inMedia = (group: number, when: 'listed' | 'again', change: (seen: MediaSeen) => MediaSeen): Plant => ({
  seen: (seen, place) => (place.track === 'video' && place.group === group && place.when === when ? change(seen) : seen),
});
const joined = ({ chunks }: MediaSeen): Uint8Array => new Uint8Array(Buffer.concat(chunks.map(({ bytes }) => bytes)));

/** Every fault, and all the rules that it breaks. */
const faults: readonly (readonly [what: string, plant: Plant, broken: readonly RuleName[]])[] = [
  ['an element that is not closed', once('</Period>', ''), ['readable']],
  ['an attribute that stands twice', once('id="b1"', 'id="b1" id="b1"'), ['readable']],
  ['an ampersand that is not written as one', once('value="/time"', 'value="/time?a&b"'), ['readable']],
  ['a duration that is none', once('maxSegmentDuration="PT1.03S"', 'maxSegmentDuration="1.03"'), ['readable']],
  ['a publishTime that is no instant', once(/publishTime="[^"]*"/, 'publishTime="now"'), ['readable']],
  ['no timeShiftBufferDepth', inLive(/ timeShiftBufferDepth="[^"]*"/g, ''), ['dynamic']],
  ['a period without id', everywhere('<Period id="1"', '<Period'), ['ids']],
  ['a representation twice', everywhere('id="v180"', 'id="video"'), ['ids', 'numbers-once']],
  ['periods in the wrong order', everywhere('start="PT19S"', 'start="PT9S"'), ['period-continuity', 'period-order', 'prft', 'producer-reference']],
  ['no init segment', everywhere(/ initialization="[^"]*"/g, ''), ['events-inband', 'template']],
  ['segments by time, not by number', everywhere('$Number$', '$Time$'), ['chunked', 'events-inband', 'numbers-once', 'template']],
  ['a segment longer than the longest', everywhere('maxSegmentDuration="PT1.03S"', 'maxSegmentDuration="PT0.9S"'), ['max-segment-duration']],
  ['a picture without its size', everywhere('width="640"', ''), ['described']],
  ['sound without its channels', everywhere(/<AudioChannelConfiguration[^>]*>/g, ''), ['described']],
  ['segments that are offered only when they are whole', inLive(/ availabilityTimeOffset="[^"]*"/g, ''), ['low-latency']],
  ['segments that are said to be whole when they are offered', inLive('availabilityTimeComplete="false"', 'availabilityTimeComplete="true"'), ['low-latency']],
  ['no latency to aim at', inLive(/<Latency[^>]*>/g, ''), ['service-description']],
  ['a reference time without the form of its clock', inLive(/<UTCTiming[^>]*><\/ProducerReferenceTime>/g, '</ProducerReferenceTime>'), ['producer-reference']],
  ['presentation time that is not wall time', everywhere('availabilityStartTime="2026-01-02T03:00:00.000Z"', 'availabilityStartTime="2026-01-02T02:59:59.000Z"'), ['prft', 'producer-reference']],
  ['no Resync', everywhere(/<Resync[^>]*>/g, ''), ['resync']],
  ['no clock', everywhere(/<UTCTiming[^>]*>\n<\/MPD>/g, '</MPD>'), ['utc-timing']],
  ['no word of messages', everywhere(/<InbandEventStream[^>]*>/g, ''), ['event-streams']],
  ['another start of the presentation', once('03:00:00.000Z"', '03:00:00.040Z"'), ['availability-start']],
  ['a publishTime that goes back', once(/publishTime="[^"]*"/, 'publishTime="2026-01-02T03:00:01.000Z"'), ['publish-time']],
  ['a period that begins elsewhere', once('start="PT19S"', 'start="PT19.04S"'), ['period-constant']],
  ['another init segment for a period', once('init.mp4', 'init2.mp4'), ['period-constant']],
  ['a period that leaves and comes back', once(/<Period id="1"[\s\S]*?<\/Period>/, ''), ['periods-in-turn']],
  ['another time for a segment that was there', once(/<S t="1980000" d="90000"\/>/, '<S t="1980900" d="90000"/>'), ['segment-constant']],
  ['another length for a segment that was there', once(/<S t="1980000" d="90000"\/>/, '<S t="1980000" d="89000"/>'), ['segment-constant']],
  ['a list that goes back at its front', once(/startNumber="104"/, 'startNumber="103"'), ['numbers-once', 'segment-constant', 'segment-time', 'segments-in-turn']],
  ['a list without its newest segments', once(/(<Period id="2"[^]*?)(<S [^>]*>){3}(<\/SegmentTimeline>)/, '$1$3'), ['segments-in-turn']],
  ['an update with nothing new, at once', { ...once('after=108', 'after=107'), update: 'at once' }, ['held-update']],
  ['an update with nothing new, after six seconds (which is right)', { ...once('after=108', 'after=107'), update: 'held' }, []],
  ['an end without a duration', inLast(/ mediaPresentationDuration="[^"]*"/g, ''), ['static-end']],
  ['a segment missing on the server', inMedia(107, 'listed', (seen) => ({ ...seen, status: 404, chunks: [] })), ['available', 'prft', 'same-bytes', 'segment-time']],
  ['a segment far ahead that is answered', { earlyStatus: 200 }, ['not-too-early']],
  ['a hole in the media', { sample: (sample, { rendition, msn }) => (rendition === 'v180' && msn >= 107 ? { ...sample, pts: ticks(sample.pts + 9000), dts: ticks(sample.dts + 9000) } : sample) }, ['segment-time']],
  ['segments that come only when they are whole', { seen: (seen) => ({ ...seen, chunks: [{ at: 0, bytes: joined(seen) }] }) }, ['chunked']],
  ['other bytes the second time', inMedia(107, 'again', (seen) => ({ ...seen, chunks: [{ at: 0, bytes: joined(seen).map((byte, index) => (index === 900 ? byte ^ 1 : byte)) }] })), ['same-bytes']],
  ['a segment without prft', { seen: (seen, { group }) => (group === 107 ? { ...seen, chunks: [{ at: 0, bytes: joined(seen).slice(32) }] } : seen) }, ['prft']],
  ['a segment that begins with no key frame', { sample: (sample, { rendition, msn, index }) => (rendition === 'video' && msn === 107 && index === 0 ? { ...sample, key: false } : sample) }, ['starts-with-sap']],
  ['a message that is not in its segment', everywhere('id="77"', 'id="78"'), ['events-inband']],
  ['a message with another text', everywhere('&lt;&amp;&gt;', '&lt;&gt;'), ['events-inband']],
];

test.each(faults)('%s: breaks what it has to', (_, plant, broken) => {
  const report = checkObservation(observedSample(plant));
  expect(report.brokenRules, report.toString()).toEqual(broken);
});

test('every rule has a planted fault', () => {
  const planted = new Set(faults.flatMap(([, , broken]) => broken));
  expect(allRules.filter((rule) => !planted.has(rule))).toEqual([]);
});
