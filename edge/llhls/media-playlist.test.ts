import { expect, test } from 'vitest';

import { millis } from '#core/media/time.ts';
import type { ConfigId } from '#core/media/track.ts';

import { mediaPlaylist } from './media-playlist.ts';
import { CONFIG, Feed, testWindow } from './testing/feed.ts';

const control = { partTarget: millis(200), partHoldBack: millis(600) };

/** The lines of a playlist from its first segment's on. */
function body(text: string): string[] {
  const lines = text.split('\n');
  return lines.slice(lines.findIndex((line) => line.startsWith('#EXT-X-DISCONTINUITY-SEQUENCE')));
}

test('lists whole segments, the parts of the newest six seconds and the parts of the open segment', () => {
  const window = testWindow();
  const feed = new Feed(window);
  feed.groups(100, 100, { parts: 2, partDuration: millis(200) });
  feed.group(101, { parts: 1, partDuration: millis(1000) });
  feed.part(102);
  expect(mediaPlaylist(window, control, [{ uri: '../audio/index.m3u8', msn: 102, part: 1 }], false)).toBe(
    `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.6,HOLD-BACK=6,CAN-SKIP-UNTIL=12
#EXT-X-PART-INF:PART-TARGET=0.2
#EXT-X-MEDIA-SEQUENCE:100
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-MAP:URI="init-${CONFIG}.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:01:40.000Z
#EXT-X-PART:DURATION=0.20000,URI="100.0.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.20000,URI="100.1.m4s"
#EXTINF:0.40000,
100.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:01:41.000Z
#EXT-X-PART:DURATION=1.00000,URI="101.0.m4s",INDEPENDENT=YES
#EXTINF:1.00000,
101.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:01:42.000Z
#EXT-X-PART:DURATION=0.20000,URI="102.0.m4s",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="102.1.m4s"
#EXT-X-RENDITION-REPORT:URI="../audio/index.m3u8",LAST-MSN=102,LAST-PART=1
`,
  );
});

test('drops the part tags of segments that end six seconds before the edge', () => {
  const window = testWindow();
  new Feed(window).groups(100, 107);
  const text = mediaPlaylist(window, control, [], false);
  expect(text).not.toContain('101.4.m4s');
  expect(text).toContain('102.0.m4s');
  expect(text).toContain('#EXT-X-PRELOAD-HINT:TYPE=PART,URI="108.0.m4s"');
});

test('a new epoch is a discontinuity, one for each epoch that passed, and the discontinuity sequence is the epoch', () => {
  const window = testWindow({ listed: millis(2000) });
  const feed = new Feed(window);
  feed.group(100, { epoch: 3, parts: 1, partDuration: millis(1000) });
  feed.group(101, { epoch: 5, parts: 1, partDuration: millis(1000) });
  expect(body(mediaPlaylist(window, control, [], false))).toEqual([
    '#EXT-X-DISCONTINUITY-SEQUENCE:3',
    `#EXT-X-MAP:URI="init-${CONFIG}.mp4"`,
    '#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:01:40.000Z',
    '#EXT-X-PART:DURATION=1.00000,URI="100.0.m4s",INDEPENDENT=YES',
    '#EXTINF:1.00000,',
    '100.m4s',
    '#EXT-X-DISCONTINUITY',
    '#EXT-X-DISCONTINUITY',
    `#EXT-X-MAP:URI="init-${CONFIG}.mp4"`,
    '#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:01:41.000Z',
    '#EXT-X-PART:DURATION=1.00000,URI="101.0.m4s",INDEPENDENT=YES',
    '#EXTINF:1.00000,',
    '101.m4s',
    '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="102.0.m4s"',
    '',
  ]);
  feed.groups(102, 103, { epoch: 5 });
  const later = mediaPlaylist(window, control, [], false);
  expect(later).toContain('#EXT-X-DISCONTINUITY-SEQUENCE:5\n');
  expect(later).not.toContain('#EXT-X-DISCONTINUITY\n');
});

test('a lost group is a gap with parts that are gaps', () => {
  const window = testWindow({ timesOf: () => ({ epoch: 0, wallTime: window.last?.wallTime ?? (0 as never), duration: millis(500) }) });
  const feed = new Feed(window);
  feed.group(100, { parts: 1 });
  window.gap(0, 101, 101);
  expect(body(mediaPlaylist(window, control, [], false)).slice(-8)).toEqual([
    '#EXT-X-PART:DURATION=0.20000,URI="101.0.m4s",GAP=YES',
    '#EXT-X-PART:DURATION=0.20000,URI="101.1.m4s",GAP=YES',
    '#EXT-X-PART:DURATION=0.10000,URI="101.2.m4s",GAP=YES',
    '#EXT-X-GAP',
    '#EXTINF:0.50000,',
    '101.m4s',
    '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="102.0.m4s"',
    '',
  ]);
});

test('another configuration within an epoch gets its own EXT-X-MAP', () => {
  const window = testWindow();
  const feed = new Feed(window);
  feed.group(100);
  feed.group(101, { config: '00000000000000c2' as ConfigId });
  const text = mediaPlaylist(window, control, [], false);
  expect(text.match(/#EXT-X-MAP:.*/g)).toEqual([`#EXT-X-MAP:URI="init-${CONFIG}.mp4"`, '#EXT-X-MAP:URI="init-00000000000000c2.mp4"']);
  expect(text).not.toContain('#EXT-X-DISCONTINUITY\n');
});

test('a delta update skips what is older than twelve seconds, with its tags', () => {
  const window = testWindow();
  new Feed(window).groups(100, 119);
  const text = mediaPlaylist(window, control, [], true);
  expect(body(text).slice(0, 4)).toEqual([
    '#EXT-X-DISCONTINUITY-SEQUENCE:0',
    '#EXT-X-SKIP:SKIPPED-SEGMENTS=8',
    '#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:01:48.000Z',
    '#EXTINF:1.00000,',
  ]);
  expect(text).toContain('#EXT-X-MEDIA-SEQUENCE:100\n');
  const full = mediaPlaylist(window, control, [], false);
  expect(full.endsWith(text.slice(text.indexOf('#EXT-X-PROGRAM-DATE-TIME')))).toBe(true);
});

test('a delta update with nothing to skip is the whole playlist', () => {
  const window = testWindow();
  new Feed(window).groups(100, 111);
  expect(mediaPlaylist(window, control, [], true)).toBe(mediaPlaylist(window, control, [], false));
});

test('the playlist of a broadcast that is over ends with ENDLIST, without hint and reports', () => {
  const window = testWindow();
  new Feed(window).groups(100, 119);
  window.end();
  const text = mediaPlaylist(window, control, [{ uri: '../audio/index.m3u8', msn: 1, part: 1 }], true);
  expect(text.endsWith('119.m4s\n#EXT-X-ENDLIST\n')).toBe(true);
  expect(text).not.toMatch(/PRELOAD-HINT|RENDITION-REPORT|SKIPPED/);
});

test('target and hold-back are written to the millisecond', () => {
  const window = testWindow();
  new Feed(window).group(1);
  const text = mediaPlaylist(window, { partTarget: millis(201), partHoldBack: millis(603) }, [], false);
  expect(text).toContain('PART-HOLD-BACK=0.603,HOLD-BACK=6,');
  expect(text).toContain('#EXT-X-PART-INF:PART-TARGET=0.201\n');
});
