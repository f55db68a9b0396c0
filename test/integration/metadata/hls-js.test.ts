import { beforeAll, expect, test } from 'vitest';

import type { BroadcastInfo } from '#core/bus/catalog.ts';
import { millis, ticks, wallTime } from '#core/media/time.ts';
import type { TimedEvent } from '#core/media/timed-event.ts';
import { trackName } from '#core/media/track.ts';
import { BroadcastWindow } from '#edge/llhls/broadcast-window.ts';
import { NO_DIRECTIVES } from '#edge/llhls/directives.ts';
import { settled, testBroadcast, testLadder } from '#edge/llhls/testing/broadcast.ts';
import { Feed, ORIGIN } from '#edge/llhls/testing/feed.ts';

type HlsJs = typeof import('hls.js');

let hlsJs: HlsJs;

beforeAll(async () => {
  // It looks for its window when it is loaded.
  Object.assign(globalThis, { self: globalThis });
  hlsJs = await import('hls.js');
});

const info: BroadcastInfo = { stream: 'demo', broadcast: testBroadcast, epoch: 0, state: 'live', startedAt: ORIGIN };

function message(n: number, seconds: number): TimedEvent {
  return { id: n.toString(16).padStart(32, '0'), type: 'poll', pts: ticks(seconds * 90_000), data: JSON.stringify({ n, text: '¿Qué? "\n' }) };
}

type Found = { readonly n: number; readonly startTime: number; readonly type: unknown; readonly data: unknown; readonly isValid: boolean };

/** What hls.js 1.7 makes of a rendition's playlist: each message with its place in seconds from the playlist's first segment. */
function readByHlsJs(window: BroadcastWindow, track: string): Found[] {
  const found = window.renditions.get(trackName(track))?.playlist(NO_DIRECTIVES);
  const text = typeof found === 'object' ? found.bytes.toString() : '';
  const { M3U8Parser, PlaylistLevelType } = hlsJs;
  const details = M3U8Parser.parseLevelPlaylist(text, 'http://server/live/demo/b/video/index.m3u8', 0, PlaylistLevelType.MAIN, 0, null);
  expect(details.playlistParsingError).toBeNull();
  let start = 0;
  for (const fragment of details.fragments) {
    fragment.setStart(start);
    start += fragment.duration;
  }
  return Object.values(details.dateRanges).flatMap((range) =>
    range === undefined ? [] : [{ n: Number.parseInt(range.id, 16), startTime: range.startTime, type: range.attr['X-TYPE'], data: JSON.parse(Buffer.from(range.attr['X-DATA'] ?? '', 'base64url').toString()), isValid: range.isValid }],
  );
}

test('hls.js 1.7 takes the messages of our playlists, each at its time, in the open segment and in every rendition too', async () => {
  const window = new BroadcastWindow(info, { listed: millis(30_000), maxBytesPerTrack: 1024 * 1024, partHoldBack: 3 });
  window.ladder = testLadder();
  const feeds = ['video', 'v360', 'audio'].map((name) => ({ name, feed: new Feed(window.renditions.get(trackName(name))!.window) }));
  for (const { name, feed } of feeds) {
    const events = (...given: readonly TimedEvent[]) => (name === 'audio' ? {} : { events: given });
    feed.group(10);
    feed.part(11);
    feed.part(11, events(message(1, 11.2)));
    feed.part(11);
    feed.part(11);
    feed.part(11, events(message(2, 11.966_667)));
    feed.end();
    feed.group(12);
    feed.part(13);
    feed.part(13, events(message(3, 13.2), message(4, 13.333_333)));
  }
  await settled();
  for (const { name } of feeds) {
    const read = readByHlsJs(window, name);
    expect(read.map(({ n, type, data, isValid }) => ({ n, type, data, isValid }))).toEqual([1, 2, 3, 4].map((n) => ({ n, type: 'poll', data: { n, text: '¿Qué? "\n' }, isValid: true })));
    [1.2, 1.966_667, 3.2, 3.333_333].forEach((seconds, at) => expect(read[at]?.startTime).toBeCloseTo(seconds, 2));
  }
});

test('hls.js 1.7 places messages beside a discontinuity by the dates of their own side', async () => {
  const window = new BroadcastWindow(info, { listed: millis(30_000), maxBytesPerTrack: 1024 * 1024, partHoldBack: 3 });
  window.ladder = testLadder();
  const feed = new Feed(window.renditions.get(trackName('video'))!.window);
  feed.group(10, { parts: 1, partDuration: millis(1000), events: [message(1, 10.5)] });
  // Twenty seconds later, the publisher is back.
  feed.group(11, { parts: 1, partDuration: millis(1000), epoch: 1, at: wallTime(ORIGIN + 30_000), events: [message(2, 11.5)] });
  await settled();
  const read = readByHlsJs(window, 'video');
  expect(read.map(({ n }) => n)).toEqual([1, 2]);
  expect(read[0]?.startTime).toBeCloseTo(0.5, 2);
  expect(read[1]?.startTime).toBeCloseTo(1.5, 2);
});
