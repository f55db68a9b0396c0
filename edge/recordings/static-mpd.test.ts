import { expect, test } from 'vitest';

import { ticks, timescale } from '#core/media/time.ts';

import { KeptBroadcast, KeptTrack, OTHER_CONFIG } from '../rewind/testing/kept.ts';
import { staticMpd } from './static-mpd.ts';

const sound = { timescale: timescale(48_000), ticks: ticks(48_000), bytes: 16_000 };

test('a period with its sets, and segments of equal length in one row', () => {
  const broadcast = new KeptBroadcast(new KeptTrack('video').groups(10, 12), new KeptTrack('audio', 'audio').groups(10, 12, sound));
  expect(staticMpd(broadcast)?.replaceAll('><', '>\n<')).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" id="testbroadcast" profiles="urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019" type="static" availabilityStartTime="2026-01-01T00:00:00.000Z" mediaPresentationDuration="PT3S" minBufferTime="PT1S" maxSegmentDuration="PT2.1S">
<Period id="0-0" start="PT0S" duration="PT3S">
<AdaptationSet id="0" contentType="video" mimeType="video/mp4" segmentAlignment="true">
<InbandEventStream schemeIdUri="urn:millrace:event:2026"/>
<Representation id="video" bandwidth="1001000" codecs="avc1.64001e" width="640" height="360" frameRate="30">
<SegmentTemplate timescale="90000" presentationTimeOffset="900000" startNumber="10" media="$RepresentationID$/$Number$.m4s" initialization="$RepresentationID$/init-00000000000000c1.mp4">
<SegmentTimeline>
<S t="900000" d="90000" r="2"/>
</SegmentTimeline>
</SegmentTemplate>
</Representation>
</AdaptationSet>
<AdaptationSet id="1" contentType="audio" mimeType="audio/mp4" segmentAlignment="true">
<InbandEventStream schemeIdUri="urn:millrace:event:2026"/>
<Representation id="audio" bandwidth="128128" codecs="mp4a.40.2" audioSamplingRate="48000">
<AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="2"/>
<SegmentTemplate timescale="48000" presentationTimeOffset="480000" startNumber="10" media="$RepresentationID$/$Number$.m4s" initialization="$RepresentationID$/init-00000000000000c1.mp4">
<SegmentTimeline>
<S t="480000" d="48000" r="2"/>
</SegmentTimeline>
</SegmentTemplate>
</Representation>
</AdaptationSet>
</Period>
</MPD>
`);
});

test('a period begins with its first key frame, whatever the millisecond, and sound that begins a frame later is said to begin with it', () => {
  const broadcast = (late: number) =>
    staticMpd(new KeptBroadcast(new KeptTrack('video').groups(10, 11, { pts: ticks(900_017) }), new KeptTrack('audio', 'audio').groups(10, 11, { ...sound, pts: ticks(480_009 + late) })));
  const text = broadcast(1000);
  expect(text).toContain('presentationTimeOffset="900017" startNumber="10"');
  expect(text).toContain('<S t="900017" d="90000"');
  expect(text).toContain('presentationTimeOffset="480009" startNumber="10"');
  expect(text).toContain('<S t="480009" d="49000"/>');
  // What is missing is missing.
  expect(broadcast(2400)).toContain('<S t="482409" d="48000"');
});

test('periods follow each other without the time between epochs; each names the init segment it needs', () => {
  const track = new KeptTrack('video').groups(10, 11).groups(90, 91, { epoch: 1, config: OTHER_CONFIG });
  const text = staticMpd(new KeptBroadcast(track)) ?? '';
  expect([...text.matchAll(/<Period id="(\S+)" start="(\S+)" duration="(\S+)"/g)].map((match) => match.slice(1))).toEqual([['0-0', 'PT0S', 'PT2S'], ['1-1', 'PT2S', 'PT2S']]);
  expect(text.match(/init-[0-9a-f]+\.mp4/g)).toEqual(['init-00000000000000c1.mp4', 'init-00000000000000c2.mp4']);
  expect(text).toContain('mediaPresentationDuration="PT4S"');
});

test('a segment that does not begin where the one before ends has its own time', () => {
  const track = new KeptTrack('video').groups(10, 10).groups(11, 11, { pts: ticks(990_500) });
  expect(staticMpd(new KeptBroadcast(track))).toContain('<S t="900000" d="90000"/><S t="990500" d="90000"/>');
});

test('messages are in the period of their instant', () => {
  const broadcast = new KeptBroadcast(new KeptTrack('video').groups(10, 11).groups(90, 91, { epoch: 1 }));
  broadcast.events.push({ id: 'f'.repeat(32), type: 'poll', pts: ticks(90.5 * 90_000), data: '"<&>"' });
  const [, first, second] = (staticMpd(broadcast) ?? '').split('<Period');
  expect(first).not.toContain('EventStream schemeIdUri="urn:millrace:event:2026" timescale');
  expect(second).toContain('<EventStream schemeIdUri="urn:millrace:event:2026" timescale="90000" presentationTimeOffset="8100000"><Event presentationTime="8145000" duration="0" id="4294967295">');
  expect(second).toContain('&quot;&lt;&amp;&gt;&quot;');
});

test('of nothing there is no manifest', () => {
  expect(staticMpd(new KeptBroadcast(new KeptTrack('video')))).toBeUndefined();
});
