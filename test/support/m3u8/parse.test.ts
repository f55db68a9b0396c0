import { expect, test } from 'vitest';

import { parseMediaPlaylist } from './parse-media-playlist.ts';
import { parseMultivariantPlaylist } from './parse-multivariant-playlist.ts';
import { PlaylistSyntaxError } from './syntax-error.ts';

const head = '#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n';
const media = `${head}#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.6,HOLD-BACK=6,CAN-SKIP-UNTIL=12
#EXT-X-PART-INF:PART-TARGET=0.2
#EXT-X-MEDIA-SEQUENCE:100
#EXT-X-DISCONTINUITY-SEQUENCE:3
#EXT-X-MAP:URI="init-a.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:05.678Z
#EXTINF:1.00000,
100.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="init-b.mp4"
#EXT-X-GAP
#EXTINF:1,a title, with a comma
101.m4s
# a comment
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:07.678Z
#EXT-X-PART:DURATION=0.20000,URI="102.0.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.2,URI="102.1.m4s",GAP=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="102.2.m4s"
#EXT-X-RENDITION-REPORT:URI="../audio/media.m3u8",LAST-MSN=102,LAST-PART=1
`;

test('a media playlist is read whole', () => {
  const playlist = parseMediaPlaylist(media);
  expect(playlist).toMatchObject({
    version: 9, targetDuration: 2, mediaSequence: 100, discontinuitySequence: 3, partTarget: 0.2, skipped: 0, endList: false,
    serverControl: { canBlockReload: true, partHoldBack: 0.6, holdBack: 6, canSkipUntil: 12, canSkipDateranges: false },
    preloadHints: [{ type: 'PART', uri: '102.2.m4s' }],
    renditionReports: [{ uri: '../audio/media.m3u8', lastMsn: 102, lastPart: 1 }],
  });
  expect(playlist.segments).toMatchObject([
    { msn: 100, uri: '100.m4s', duration: 1, gap: false, discontinuitySequence: 3, map: { uri: 'init-a.mp4' }, programDateTime: Date.UTC(2026, 0, 2, 3, 4, 5, 678), parts: [] },
    { msn: 101, uri: '101.m4s', duration: 1, gap: true, discontinuities: 1, discontinuitySequence: 4, map: { uri: 'init-b.mp4' }, programDateTime: undefined },
    { msn: 102, uri: undefined, duration: undefined, discontinuitySequence: 4, parts: [{ uri: '102.0.m4s', duration: 0.2, independent: true, gap: false }, { independent: false, gap: true }] },
  ]);
});

test('the numbers of a delta update count what was skipped', () => {
  const playlist = parseMediaPlaylist(`${head}#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n#EXTINF:1,\n10.m4s\n`);
  expect(playlist).toMatchObject({ skipped: 3, segments: [{ msn: 10 }] });
});

test('date ranges stand anywhere, with attributes of one\'s own', () => {
  const tag = '#EXT-X-DATERANGE:ID="a",CLASS="urn:x",START-DATE="2026-01-02T03:04:05.678Z",DURATION=0,X-TEXT="b, c=d",X-HEX=0x0A,X-NUMBER=-1.5\n';
  const playlist = parseMediaPlaylist(`${head}${tag}#EXTINF:1,\n0.m4s\n${tag.replace('"a"', '"b"')}`);
  const own = { 'X-TEXT': 'b, c=d', 'X-HEX': '0x0A', 'X-NUMBER': '-1.5' };
  expect(playlist).toMatchObject({ segments: [{ msn: 0 }], dateRanges: [{ id: 'a', class: 'urn:x', startDate: Date.UTC(2026, 0, 2, 3, 4, 5, 678), duration: 0, own }, { id: 'b' }] });
});

test.each([
  ['nothing', ''],
  ['a byte order mark', `\uFEFF${media}`],
  ['no EXTM3U', media.slice(8)],
  ['an unfinished last line', media.slice(0, -1)],
  ['no target duration', '#EXTM3U\n'],
  ['a fraction as target duration', '#EXTM3U\n#EXT-X-TARGETDURATION:2.5\n'],
  ['the target duration twice', `${head}#EXT-X-TARGETDURATION:2\n`],
  ['an unknown tag', `${head}#EXT-X-NEWS\n`],
  ['a tag of the other kind of playlist', `${head}#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a"\n`],
  ['the media sequence after a segment', `${head}#EXTINF:1,\n1.m4s\n#EXT-X-MEDIA-SEQUENCE:1\n`],
  ['EXTINF without comma', `${head}#EXTINF:1\n1.m4s\n`],
  ['a URI without EXTINF', `${head}1.m4s\n`],
  ['EXTINF without URI', `${head}#EXTINF:1,\n`],
  ['EXTINF twice', `${head}#EXTINF:1,\n#EXTINF:1,\n1.m4s\n`],
  ['white space in an attribute list', `${head}#EXT-X-PART:DURATION=0.2, URI="1.m4s"\n`],
  ['an attribute twice', `${head}#EXT-X-PART:DURATION=0.2,DURATION=0.2,URI="1.m4s"\n`],
  ['a comma at the end of an attribute list', `${head}#EXT-X-PART:DURATION=0.2,URI="1.m4s",\n`],
  ['an unknown attribute', `${head}#EXT-X-PART:DURATION=0.2,URI="1.m4s",LOUD=YES\n`],
  ['an unquoted URI', `${head}#EXT-X-PART:DURATION=0.2,URI=1.m4s\n`],
  ['a part without duration', `${head}#EXT-X-PART:URI="1.m4s"\n`],
  ['a negative duration', `${head}#EXT-X-PART:DURATION=-1,URI="1.m4s"\n`],
  ['INDEPENDENT neither YES nor NO', `${head}#EXT-X-PART:DURATION=1,URI="1.m4s",INDEPENDENT=TRUE\n`],
  ['a date without zone', `${head}#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:05.678\n#EXTINF:1,\n1.m4s\n`],
  ['a date range without id', `${head}#EXT-X-DATERANGE:START-DATE="2026-01-02T03:04:05.678Z"\n`],
  ['a date range without start', `${head}#EXT-X-DATERANGE:ID="a"\n`],
  ['a date range that begins no day', `${head}#EXT-X-DATERANGE:ID="a",START-DATE="now"\n`],
  ['a date range of less than no length', `${head}#EXT-X-DATERANGE:ID="a",START-DATE="2026-01-02T03:04:05.678Z",DURATION=-1\n`],
  ['a date range with a word of one\'s own', `${head}#EXT-X-DATERANGE:ID="a",START-DATE="2026-01-02T03:04:05.678Z",X-A=word\n`],
  ['a date range with an unknown attribute', `${head}#EXT-X-DATERANGE:ID="a",START-DATE="2026-01-02T03:04:05.678Z",A="b"\n`],
  ['a hint of no type', `${head}#EXT-X-PRELOAD-HINT:URI="1.m4s"\n`],
  ['a control character', `${head}#EXTINF:1,\u0007\n1.m4s\n`],
])('a media playlist with %s is refused', (_, text) => {
  expect(() => parseMediaPlaylist(text)).toThrow(PlaylistSyntaxError);
});

const multivariant = `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Audio",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="b/audio/media.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=3000000,AVERAGE-BANDWIDTH=2500000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO="audio"
b/video/media.m3u8
`;

test('a multivariant playlist is read whole', () => {
  expect(parseMultivariantPlaylist(multivariant)).toMatchObject({
    version: 9, independentSegments: true,
    media: [{ type: 'AUDIO', groupId: 'audio', name: 'Audio', uri: 'b/audio/media.m3u8', isDefault: true, autoselect: true, channels: '2' }],
    variants: [{ uri: 'b/video/media.m3u8', bandwidth: 3_000_000, averageBandwidth: 2_500_000, codecs: ['avc1.64001f', 'mp4a.40.2'], resolution: { width: 1280, height: 720 }, frameRate: 29.97, audio: 'audio' }],
  });
});

test.each([
  ['no bandwidth', '#EXTM3U\n#EXT-X-STREAM-INF:CODECS="avc1.64001f"\nv.m3u8\n'],
  ['a tag between EXT-X-STREAM-INF and its URI', '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n#EXT-X-VERSION:9\nv.m3u8\n'],
  ['no URI at the end', '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n'],
  ['a URI without EXT-X-STREAM-INF', '#EXTM3U\nv.m3u8\n'],
  ['a tag of the other kind of playlist', '#EXTM3U\n#EXT-X-TARGETDURATION:2\n'],
  ['a resolution in words', '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=big\nv.m3u8\n'],
  ['media without a name', '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a"\n'],
])('a multivariant playlist with %s is refused', (_, text) => {
  expect(() => parseMultivariantPlaylist(text)).toThrow(PlaylistSyntaxError);
});
