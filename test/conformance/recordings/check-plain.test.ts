import { describe, expect, test } from 'vitest';

import { parseMediaPlaylist } from '#test/support/m3u8/parse-media-playlist.ts';
import type { Observation } from '../llhls/observation.ts';
import { checkPlain } from './check-plain.ts';

const sliding = `#EXTM3U
#EXT-X-VERSION:8
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:100
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-MAP:URI="init-1.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:01:40.000Z
#EXTINF:1.00000,
100.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:01:41.000Z
#EXT-X-GAP
#EXTINF:1.00000,
101.m4s
`;
const later = sliding.replace('SEQUENCE:100', 'SEQUENCE:101').replace(/#EXT-X-PROGRAM[^#]*#EXTINF:1.00000,\n100.m4s\n/, '');
const vod = `${sliding.replace('#EXT-X-MAP', '#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MAP')}#EXT-X-ENDLIST\n`;

/** The rules that playlists break, one seen after the other. */
function broken(kind: 'rewind' | 'vod', ...texts: readonly string[]): readonly string[] {
  const snapshots = texts.map((text, index) => ({ requestedAt: 1000 * index, receivedAt: 1000 * index + 1, text, playlist: parseMediaPlaylist(text) }));
  const rendition = { url: 'http://x/live/a/b/video/rewind.m3u8', snapshots, resources: new Map(), refetched: new Map(), hinted: new Map(), unreadable: [] };
  const multivariant = { version: 9, independentSegments: false, variants: [], media: [] };
  const observation = { url: 'http://x/live/a/rewind.m3u8', multivariant, renditions: [rendition] } as unknown as Observation;
  return checkPlain(observation, kind).brokenRules.filter((rule) => rule !== 'variants');
}

test('playlists that keep to the rules break none', () => {
  expect(broken('rewind', sliding, later)).toEqual([]);
  expect(broken('vod', vod)).toEqual([]);
});

describe('a planted fault breaks its rule', () => {
  test.each([
    ['a part', 'syntax', 'rewind', [sliding.replace('#EXTINF', '#EXT-X-PART:DURATION=1.00000,URI="100.0.m4s"\n#EXTINF')]],
    ['a version below that of EXT-X-GAP', 'version', 'rewind', [sliding.replace('VERSION:8', 'VERSION:6')]],
    ['a segment that is too long', 'target-duration', 'rewind', [sliding.replace('#EXTINF:1.00000', '#EXTINF:2.60000')]],
    ['no map', 'map', 'rewind', [sliding.replace(/#EXT-X-MAP.*\n/, '')]],
    ['a segment without a date', 'program-date-time', 'rewind', [sliding.replace(/#EXT-X-PROGRAM.*\n/, '')]],
    ['a type on what slides', 'end-list', 'rewind', [vod.replace('#EXT-X-ENDLIST\n', '')]],
    ['a recording without an end', 'end-list', 'vod', [vod.replace('#EXT-X-ENDLIST\n', '')]],
    ['a recording that does not say that it is one', 'end-list', 'vod', [vod.replace('#EXT-X-PLAYLIST-TYPE:VOD\n', '')]],
    ['a number that goes back', 'media-sequence', 'rewind', [later, sliding]],
    ['a number that stands for another segment', 'segment-identity', 'rewind', [sliding, later.replace('SEQUENCE:101', 'SEQUENCE:100')]],
    ['a date that does not go on', 'date-continuity', 'rewind', [sliding.replace('00:01:41', '00:01:44')]],
  ] as const)('%s: %s', (_name, rule, kind, texts) => {
    expect(broken(kind, ...texts)).toContain(rule);
  });
});
