import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';

import { millis, ticks } from '#core/media/time.ts';
import { trackName } from '#core/media/track.ts';
import { parseMediaPlaylist } from '#test/support/m3u8/parse-media-playlist.ts';

import { rewindMultivariant, rewindPlaylist } from './rewind-playlists.ts';
import { KeptBroadcast, KeptTrack, OTHER_CONFIG, segment } from './testing/kept.ts';

const VIDEO = trackName('video');

function textOf(broadcast: KeptBroadcast, track = VIDEO): string {
  return rewindPlaylist(broadcast, track)?.bytes.toString() ?? 'none';
}

/** The playlist as a strict reader has it. */
function read(broadcast: KeptBroadcast) {
  return parseMediaPlaylist(textOf(broadcast));
}

test('the rewind playlist is plain HLS: no parts, dates on every segment, no end while on air', () => {
  expect(textOf(new KeptBroadcast(new KeptTrack('video').groups(100, 101)))).toBe(
    `#EXTM3U
#EXT-X-VERSION:8
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:100
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-MAP:URI="init-00000000000000c1.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:01:40.000Z
#EXTINF:1.00000,
100.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:01:41.000Z
#EXTINF:1.00000,
101.m4s
`,
  );
});

test('a lost group is a gap, a new configuration a new map', () => {
  const track = new KeptTrack('video').groups(100, 100).groups(102, 102, { config: OTHER_CONFIG });
  expect(textOf(new KeptBroadcast(track))).toContain(
    `100.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:01:41.000Z
#EXT-X-GAP
#EXTINF:1.00000,
101.m4s
#EXT-X-MAP:URI="init-00000000000000c2.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:01:42.000Z
#EXTINF:1.00000,
102.m4s
`,
  );
});

test('lost groups share the time between their neighbours', () => {
  const track = new KeptTrack('video');
  track.segments.push(segment(100), segment(103, { pts: ticks(104.5 * 90_000) }));
  expect(read(new KeptBroadcast(track)).segments.map(({ msn, gap, duration }) => [msn, gap, duration])).toEqual([[100, false, 1], [101, true, 1.75], [102, true, 1.75], [103, false, 1]]);
});

describe('across epochs', () => {
  test('a discontinuity with its map, and numbers that go on without those that were never given out', () => {
    const track = new KeptTrack('video').groups(100, 101).groups(500, 501, { epoch: 1 });
    const { segments } = read(new KeptBroadcast(track));
    expect(segments.map(({ msn, uri, discontinuitySequence }) => [msn, uri, discontinuitySequence])).toEqual([[100, '100.m4s', 0], [101, '101.m4s', 0], [102, '500.m4s', 1], [103, '501.m4s', 1]]);
    expect(segments[2]?.map?.uri).toBe('init-00000000000000c1.mp4');
  });

  test('an epoch without segments counts too', () => {
    const track = new KeptTrack('video').groups(100, 100).groups(500, 500, { epoch: 2 });
    expect(read(new KeptBroadcast(track)).segments.map(({ discontinuitySequence }) => discontinuitySequence)).toEqual([0, 2]);
  });

  test('the numbers stay when the window slides past them', () => {
    const track = new KeptTrack('video').groups(100, 101).groups(500, 503, { epoch: 1 });
    const broadcast = new KeptBroadcast(track);
    const before = new Map(read(broadcast).segments.map(({ uri, msn }) => [uri, msn]));
    track.segments.splice(0, 3);
    track.groups(504, 504, { epoch: 1 });
    const after = read(broadcast);
    expect(after.mediaSequence).toBe(103);
    expect(after.discontinuitySequence).toBe(1);
    expect(after.segments.map(({ uri, msn }) => [uri, msn]).slice(0, 3)).toEqual([...before].slice(3));
    expect(after.segments[0]?.map?.uri).toBe('init-00000000000000c1.mp4');
  });
});

describe('of several tracks', () => {
  test('a group that one lost lasts as long as in the other', () => {
    const video = new KeptTrack('video').groups(100, 100).groups(102, 102);
    const small = new KeptTrack('v360');
    small.segments.push(segment(100), segment(101, { ticks: ticks(1.8 * 90_000) }), segment(102));
    const broadcast = new KeptBroadcast(video, small);
    expect(read(broadcast).segments.map(({ msn, gap, duration }) => [msn, gap, duration])).toEqual([[100, false, 1], [101, true, 1.8], [102, false, 1]]);
  });

  test('numbers are the same although one has a group more at the end of an epoch, and one less at the beginning of the next', () => {
    const video = new KeptTrack('video').groups(100, 101).groups(500, 503, { epoch: 1 });
    const audio = new KeptTrack('audio', 'audio').groups(100, 102).groups(502, 503, { epoch: 1 });
    const broadcast = new KeptBroadcast(video, audio);
    const entries = (track: string) => parseMediaPlaylist(textOf(broadcast, trackName(track))).segments.map(({ msn, uri, gap, discontinuitySequence }) => [msn, uri, gap, discontinuitySequence]);
    const [v, a] = [entries('video'), entries('audio')];
    expect(v).toEqual([
      [100, '100.m4s', false, 0], [101, '101.m4s', false, 0], [102, '102.m4s', true, 0],
      [103, '500.m4s', false, 1], [104, '501.m4s', false, 1], [105, '502.m4s', false, 1], [106, '503.m4s', false, 1],
    ]);
    expect(a.map(([msn, uri, , sequence]) => [msn, uri, sequence])).toEqual(v.map(([msn, uri, , sequence]) => [msn, uri, sequence]));
    expect(a.filter(([, , gap]) => gap).map(([, uri]) => uri)).toEqual(['500.m4s', '501.m4s']);
  });

  test('what comes of an epoch when the next is listed already has no number any more, and moves none', () => {
    const video = new KeptTrack('video').groups(100, 101).groups(500, 501, { epoch: 1 });
    const audio = new KeptTrack('audio', 'audio').groups(100, 101);
    const broadcast = new KeptBroadcast(video, audio);
    read(broadcast);
    audio.groups(102, 102).groups(500, 501, { epoch: 1 });
    const { segments } = parseMediaPlaylist(textOf(broadcast, trackName('audio')));
    expect(segments.map(({ msn, uri }) => [msn, uri])).toEqual([[100, '100.m4s'], [101, '101.m4s'], [102, '500.m4s'], [103, '501.m4s']]);
  });

  test('an epoch that one track lacks wholly is a row of gaps in it', () => {
    const video = new KeptTrack('video').groups(100, 101).groups(900, 900, { epoch: 2 });
    const audio = new KeptTrack('audio', 'audio').groups(100, 101).groups(500, 501, { epoch: 1 }).groups(900, 900, { epoch: 2 });
    const { segments } = parseMediaPlaylist(textOf(new KeptBroadcast(video, audio)));
    expect(segments.map(({ msn, uri, gap, discontinuitySequence }) => [msn, uri, gap, discontinuitySequence])).toEqual([
      [100, '100.m4s', false, 0], [101, '101.m4s', false, 0], [102, '500.m4s', true, 1], [103, '501.m4s', true, 1], [104, '900.m4s', false, 2],
    ]);
  });
});

test('viewers go back as far as the broadcast lets them, though more is kept', () => {
  const broadcast = new KeptBroadcast(new KeptTrack('video').groups(100, 199));
  broadcast.rewind = millis(10_000);
  expect(read(broadcast).segments.map(({ msn }) => msn)).toEqual([190, 191, 192, 193, 194, 195, 196, 197, 198, 199]);
});

test('where rewind is off there is no playlist', () => {
  const broadcast = new KeptBroadcast(new KeptTrack('video').groups(100, 110));
  broadcast.rewind = millis(0);
  expect(rewindPlaylist(broadcast, VIDEO)).toBeUndefined();
  expect(rewindMultivariant(broadcast)).toBeUndefined();
});

test('a track of which nothing is kept has no playlist', () => {
  const broadcast = new KeptBroadcast(new KeptTrack('video'));
  expect(rewindPlaylist(broadcast, VIDEO)).toBeUndefined();
  expect(rewindPlaylist(broadcast, trackName('v360'))).toBeUndefined();
  expect(rewindMultivariant(broadcast)).toBeUndefined();
});

test('when the broadcast is over the list ends, and what had left it does not come back', () => {
  const broadcast = new KeptBroadcast(new KeptTrack('video').groups(100, 199));
  broadcast.rewind = millis(10_000);
  expect(read(broadcast).endList).toBe(false);
  broadcast.state = 'finished';
  broadcast.rewind = millis(20_000);
  const ended = read(broadcast);
  expect(ended.endList).toBe(true);
  expect(ended.mediaSequence).toBe(190);
});

test('the answer is the same object until something changes', () => {
  const track = new KeptTrack('video').groups(100, 110);
  const broadcast = new KeptBroadcast(track);
  const payload = rewindPlaylist(broadcast, VIDEO);
  expect(rewindPlaylist(broadcast, VIDEO)).toBe(payload);
  track.groups(111, 111);
  expect(rewindPlaylist(broadcast, VIDEO)).not.toBe(payload);
});

test('gzip holds the same text, whichever stretches it was put together from', () => {
  const track = new KeptTrack('video').groups(100, 700).groups(900, 1500, { epoch: 1 });
  const broadcast = new KeptBroadcast(track);
  for (let i = 0; i < 3; i++) {
    const payload = rewindPlaylist(broadcast, VIDEO);
    const form = payload?.form('public, max-age=1', true);
    expect(gunzipSync(form?.bytes ?? Buffer.alloc(0)).toString()).toBe(payload?.bytes.toString());
    const length = form?.headers[form.headers.indexOf('Content-Length') + 1];
    expect(length).toBe(String(form?.bytes.length));
    expect(form?.headers).toContain('gzip');
    track.segments.splice(0, 50);
    track.groups(1501 + i * 50, 1550 + i * 50, { epoch: 1 });
  }
});

describe('messages', () => {
  const message = (id: string, seconds: number) => ({ id: id.repeat(32), type: 'poll', pts: ticks(seconds * 90_000), data: '{"a":1}' });

  test('stand in front, each with its instant, the same in every playlist', () => {
    const broadcast = new KeptBroadcast(new KeptTrack('video').groups(100, 102), new KeptTrack('audio', 'audio').groups(100, 102));
    broadcast.events.push(message('a', 101.5), message('b', 102));
    const tagsIn = (track = VIDEO): string[] => textOf(broadcast, track).split('\n').filter((line) => line.startsWith('#EXT-X-DATERANGE'));
    expect(tagsIn().map((tag) => [/ID="(.)/.exec(tag)?.[1], /START-DATE="([^"]*)"/.exec(tag)?.[1]])).toEqual([['a', '2026-01-01T00:01:41.500Z'], ['b', '2026-01-01T00:01:42.000Z']]);
    expect(tagsIn(trackName('audio'))).toEqual(tagsIn());
    expect(textOf(broadcast).split('\n')[5]).toBe(tagsIn()[0]);
  });

  test('that come later are told too', () => {
    const broadcast = new KeptBroadcast(new KeptTrack('video').groups(100, 500));
    expect(textOf(broadcast)).not.toContain('DATERANGE');
    broadcast.events.push(message('a', 101.5));
    expect(textOf(broadcast)).toContain(`ID="${'a'.repeat(32)}"`);
  });

  test('leave the list with their segments', () => {
    const broadcast = new KeptBroadcast(new KeptTrack('video').groups(100, 199));
    broadcast.events.push(message('a', 110), message('b', 195));
    broadcast.rewind = millis(10_000);
    expect([...textOf(broadcast).matchAll(/ID="(.)/g)].map(([, id]) => id)).toEqual(['b']);
  });

  test('are bounded: the newest thousand', () => {
    const broadcast = new KeptBroadcast(new KeptTrack('video').groups(0, 1499));
    for (let i = 0; i < 1500; i++) {
      broadcast.events.push({ ...message('0', i), id: i.toString(16).padStart(32, '0') });
    }
    const ids = [...textOf(broadcast).matchAll(/ID="([0-9a-f]+)"/g)].map(([, id]) => Number.parseInt(id ?? '', 16));
    expect(ids).toEqual(Array.from({ length: 1000 }, (_, i) => 500 + i));
  });
});

test('the multivariant playlist names the rewind playlists of the renditions that are kept', () => {
  const broadcast = new KeptBroadcast(new KeptTrack('video').groups(1, 2), new KeptTrack('audio', 'audio').groups(1, 2), new KeptTrack('v360'));
  const text = rewindMultivariant(broadcast)?.bytes.toString() ?? '';
  expect(text.match(/[a-z0-9/]+\/rewind\.m3u8/g)).toEqual(['testbroadcast/audio/rewind.m3u8', 'testbroadcast/video/rewind.m3u8']);
});
