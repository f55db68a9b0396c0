import { expect, test } from 'vitest';

import { broadcastId } from '#core/media/frame.ts';
import { later, millis, ticks } from '#core/media/time.ts';
import { trackName, type ConfigId } from '#core/media/track.ts';

import { audioConfig, videoConfig } from '../llhls/testing/feed.ts';
import type { ListedPeriod, ListedSegment, Listing } from './listing.ts';
import { manifest } from './manifest.ts';
import { STARTED_AT } from './testing/rows.ts';

const options = { timeUrl: '/tv/time', latency: millis(900) };

const list = (count: number, length: number, first = 100): ListedSegment[] => Array.from({ length: count }, (_, i) => ({ group: first + i, pts: ticks(i * length), ticks: ticks(length) }));
const shared = list(3, 90_000);

const period: ListedPeriod = {
  id: '0',
  start: millis(240),
  mediaStart: millis(0),
  reference: { media: millis(0), wallTime: later(STARTED_AT, millis(240)) },
  events: [{ id: '89abcdef00000000000000000000000a', type: 'poll', pts: ticks(45_000), data: '{"q":"<a> & b?"}' }],
  sets: [
    {
      id: 1, kind: 'video', timescale: videoConfig.timescale, independent: true, availabilityTimeOffset: millis(800),
      tracks: [
        { track: trackName('video'), config: videoConfig, configId: 'aaaa' as ConfigId, bandwidth: 2_000_000.5, frameRate: 30, segments: shared },
        { track: trackName('v180'), config: { ...videoConfig, width: 320, height: 180 }, configId: 'bbbb' as ConfigId, bandwidth: 300_000, frameRate: 30_000 / 1001, segments: shared },
      ],
    },
    {
      id: 2, kind: 'audio', timescale: audioConfig.timescale, independent: true, availabilityTimeOffset: millis(805),
      tracks: [{ track: trackName('audio'), config: audioConfig, configId: 'cccc' as ConfigId, bandwidth: 128_000, segments: list(2, 48_128) }],
    },
  ],
};

const listing: Listing = {
  broadcast: broadcastId('testbroadcast'),
  startedAt: STARTED_AT,
  publishTime: later(STARTED_AT, millis(2500)),
  ended: false,
  timeShiftBufferDepth: millis(30_000),
  partTarget: millis(200),
  newest: 101,
  periods: [period],
};

const lines = (text: string): string => text.replaceAll('><', '>\n<');

test('ISO/IEC 23009-1 and DASH-IF low latency: the manifest of a running broadcast', () => {
  expect(lines(manifest(listing, options))).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" id="testbroadcast" profiles="urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019,http://www.dashif.org/guidelines/low-latency-live-v5" type="dynamic" minimumUpdatePeriod="PT1S" timeShiftBufferDepth="PT30S" availabilityStartTime="2026-01-01T00:00:00.000Z" publishTime="2026-01-01T00:00:02.500Z" minBufferTime="PT0.2S" maxSegmentDuration="PT1.003S">
<Location>manifest.mpd?broadcast=testbroadcast&amp;after=101</Location>
<ServiceDescription id="0">
<Latency referenceId="0" target="900" min="450" max="1800"/>
<PlaybackRate min="0.96" max="1.04"/>
</ServiceDescription>
<Period id="0" start="PT0.24S">
<EventStream schemeIdUri="urn:millrace:event:2026" value="" timescale="90000" presentationTimeOffset="0">
<Event presentationTime="45000" duration="0" id="2309737967">{&quot;id&quot;:&quot;89abcdef00000000000000000000000a&quot;,&quot;type&quot;:&quot;poll&quot;,&quot;data&quot;:{&quot;q&quot;:&quot;&lt;a&gt; &amp; b?&quot;}}</Event>
</EventStream>
<AdaptationSet id="1" contentType="video" mimeType="video/mp4" segmentAlignment="true" startWithSAP="1" maxWidth="640" maxHeight="360">
<InbandEventStream schemeIdUri="urn:millrace:event:2026" value=""/>
<ProducerReferenceTime id="0" inband="true" type="captured" wallClockTime="2026-01-01T00:00:00.240Z" presentationTime="0">
<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-xsdate:2014" value="/tv/time"/>
</ProducerReferenceTime>
<Resync type="0" dT="18000"/>
<Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
<SegmentTemplate timescale="90000" presentationTimeOffset="0" startNumber="100" availabilityTimeOffset="0.8" availabilityTimeComplete="false" media="testbroadcast/$RepresentationID$/$Number$.m4s">
<SegmentTimeline>
<S t="0" d="90000" r="2"/>
</SegmentTimeline>
</SegmentTemplate>
<Representation id="video" bandwidth="2000001" codecs="avc1.64001e" width="640" height="360" sar="1:1" frameRate="30">
<SegmentTemplate initialization="testbroadcast/$RepresentationID$/init-aaaa.mp4"/>
</Representation>
<Representation id="v180" bandwidth="300000" codecs="avc1.64001e" width="320" height="180" sar="1:1" frameRate="30000/1001">
<SegmentTemplate initialization="testbroadcast/$RepresentationID$/init-bbbb.mp4"/>
</Representation>
</AdaptationSet>
<AdaptationSet id="2" contentType="audio" mimeType="audio/mp4" segmentAlignment="true" startWithSAP="1">
<InbandEventStream schemeIdUri="urn:millrace:event:2026" value=""/>
<ProducerReferenceTime id="1" inband="true" type="captured" wallClockTime="2026-01-01T00:00:00.240Z" presentationTime="0">
<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-xsdate:2014" value="/tv/time"/>
</ProducerReferenceTime>
<Resync type="1" dT="9600"/>
<Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
<SegmentTemplate timescale="48000" presentationTimeOffset="0" startNumber="100" availabilityTimeOffset="0.805" availabilityTimeComplete="false" media="testbroadcast/$RepresentationID$/$Number$.m4s">
<SegmentTimeline>
<S t="0" d="48128" r="1"/>
</SegmentTimeline>
</SegmentTemplate>
<Representation id="audio" bandwidth="128000" codecs="mp4a.40.2" audioSamplingRate="48000">
<AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="2"/>
<SegmentTemplate initialization="testbroadcast/$RepresentationID$/init-cccc.mp4"/>
</Representation>
</AdaptationSet>
</Period>
<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-xsdate:2014" value="/tv/time"/>
</MPD>
`);
});

test('renditions with lists of their own have a template of their own', () => {
  const [set] = period.sets;
  const [video, small] = set?.tracks ?? [];
  const sets = set && video && small ? [{ ...set, tracks: [video, { ...small, segments: list(2, 90_000, 101) }] }] : [];
  const text = manifest({ ...listing, periods: [{ ...period, sets }] }, options);
  expect(text.match(/startNumber="\d+"/g)).toEqual(['startNumber="100"', 'startNumber="101"']);
  expect(text.match(/<SegmentTemplate timescale/g)).toHaveLength(2);
  expect(text).toContain('media="testbroadcast/$RepresentationID$/$Number$.m4s" initialization="testbroadcast/$RepresentationID$/init-bbbb.mp4"');
});

test('a broadcast that is over is static: it has a duration, and nothing that is for live', () => {
  const text = manifest({ ...listing, ended: true }, options);
  expect(text).toContain('type="static" mediaPresentationDuration="PT3.24S"');
  expect(text).toContain('<Period id="0" start="PT0.24S" duration="PT3S">');
  expect(text).not.toMatch(/Location|minimumUpdatePeriod|timeShiftBufferDepth|availabilityTime(Offset|Complete)|ServiceDescription|ProducerReferenceTime|UTCTiming/);
});

const rates: readonly (readonly [rate: number | undefined, text: string | undefined])[] = [
  [30, '30'], [25, '25'], [59.94005994, '60000/1001'], [29.97, '30000/1001'], [23.976, '24000/1001'], [12.5, '12500/1000'], [0, undefined], [undefined, undefined],
];

test.each(rates)('FrameRateType: %d is %s', (frameRate, text) => {
  const [set] = period.sets;
  const [video] = set?.tracks ?? [];
  const sets = set && video ? [{ ...set, tracks: [{ ...video, frameRate }] }] : [];
  expect(/frameRate="([^"]*)"/.exec(manifest({ ...listing, periods: [{ ...period, sets }] }, options))?.[1]).toBe(text);
});
