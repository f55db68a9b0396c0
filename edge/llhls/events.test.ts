import { expect, test } from 'vitest';

import type { BroadcastInfo } from '#core/bus/catalog.ts';
import { millis, ticks } from '#core/media/time.ts';
import type { TimedEvent } from '#core/media/timed-event.ts';
import { trackName } from '#core/media/track.ts';

import { BroadcastWindow } from './broadcast-window.ts';
import { EventList } from './event-list.ts';
import type { Rendition } from './rendition.ts';
import { settled, testBroadcast, testLadder, TestWaiter } from './testing/broadcast.ts';
import { Feed, ORIGIN } from './testing/feed.ts';

const info: BroadcastInfo = { stream: 'demo', broadcast: testBroadcast, epoch: 0, state: 'live', startedAt: ORIGIN };

/** A message `seconds` after the timeline's beginning; group n begins at n seconds. */
function message(n: number, seconds: number): TimedEvent {
  return { id: n.toString(16).padStart(32, '0'), type: 'test', pts: ticks(seconds * 90_000), data: `{"n":${n}}` };
}

function broadcast() {
  const window = new BroadcastWindow(info, { listed: millis(30_000), maxBytesPerTrack: 1024 * 1024, partHoldBack: 3 });
  window.ladder = testLadder();
  const of = (name: string): Rendition => window.renditions.get(trackName(name)) as Rendition;
  return { window, of, video: new Feed(of('video').window), v360: new Feed(of('v360').window), audio: new Feed(of('audio').window) };
}

/** Number and start of each message that a playlist lists. */
function listed(rendition: Rendition, skip = false): string[] {
  const found = rendition.playlist({ msn: undefined, part: undefined, skip });
  const lines = typeof found === 'string' ? [] : found.bytes.toString().split('\n');
  return lines.filter((line) => line.startsWith('#EXT-X-DATERANGE:')).map((line) => `${Number.parseInt(/ID="(\w+)"/.exec(line)?.[1] ?? '', 16)} ${/START-DATE="[^T]+T([^"]+)"/.exec(line)?.[1]}`);
}

test('a message is in the playlist that its part completes, before any segment', async () => {
  const { of, video } = broadcast();
  video.group(10);
  video.part(11);
  const waiter = new TestWaiter();
  of('video').awaitPlaylist({ msn: 11, part: 1, skip: false }, waiter);
  await settled();
  expect(waiter.outcomes).toEqual([]);
  video.part(11, { events: [message(1, 11.25)] });
  await settled();
  expect(waiter.text).toContain(
    '#EXT-X-DISCONTINUITY-SEQUENCE:0\n' +
      '#EXT-X-DATERANGE:ID="00000000000000000000000000000001",CLASS="urn:millrace:event:2026",START-DATE="2026-01-01T00:00:11.250Z",DURATION=0,X-TIME=11.250000,X-TYPE="test",X-DATA="eyJuIjoxfQ"\n' +
      '#EXT-X-MAP:',
  );
  expect(waiter.text).toContain('#EXT-X-VERSION:9\n');
});

test('every playlist lists the same messages once, sound too, whichever rendition had them first', async () => {
  const { of, video, v360, audio } = broadcast();
  [video, v360, audio].forEach((feed) => feed.group(10));
  video.part(11, { events: [message(1, 11), message(2, 11.1)] });
  await settled();
  const expected = ['1 00:00:11.000Z', '2 00:00:11.100Z'];
  expect(['video', 'v360', 'audio'].map((name) => listed(of(name)))).toEqual([expected, expected, expected]);
  v360.part(11, { events: [message(1, 11), message(2, 11.1)] });
  v360.part(11, { events: [message(3, 11.3)] });
  video.part(11, { events: [message(3, 11.3)] });
  await settled();
  expect(['video', 'v360', 'audio'].map((name) => listed(of(name)))).toEqual(Array.from({ length: 3 }, () => [...expected, '3 00:00:11.300Z']));
});

test('a message goes when its segment goes, from each playlist by itself, and is forgotten with the last', async () => {
  const { window, of, video, v360, audio } = broadcast();
  for (const feed of [video, v360, audio]) {
    feed.group(10, { parts: 1, partDuration: millis(1000), ...(feed === video ? { events: [message(1, 10)] } : {}) });
    feed.group(11, { parts: 1, partDuration: millis(1000), ...(feed === video ? { events: [message(2, 11)] } : {}) });
  }
  const second = { parts: 1, partDuration: millis(1000) };
  video.groups(12, 40, second);
  await settled();
  expect(listed(of('video'))).toEqual(['2 00:00:11.000Z']);
  expect(listed(of('v360'))).toEqual(['1 00:00:10.000Z', '2 00:00:11.000Z']);
  expect(window.events.map(({ event }) => event.data)).toEqual(['{"n":1}', '{"n":2}']);
  v360.groups(12, 41, second);
  audio.groups(12, 41, second);
  video.group(41, second);
  await settled();
  expect(window.events).toEqual([]);
});

test('a delta update has every message, those of skipped segments too', async () => {
  const { of, video } = broadcast();
  video.group(10, { parts: 1, partDuration: millis(1000), events: [message(1, 10.5)] });
  video.groups(11, 34, { parts: 1, partDuration: millis(1000) });
  video.part(35, { events: [message(2, 35)] });
  await settled();
  expect(listed(of('video'), true)).toEqual(['1 00:00:10.500Z', '2 00:00:35.000Z']);
});

test('what is kept is bounded, whatever comes', () => {
  const events = new EventList();
  const segment = { group: 10, epoch: 0, pts: ticks(900_000), timescale: 90_000 as never, wallTime: ORIGIN };
  for (let n = 0; n < 1000; n++) {
    events.add(message(n, 10), segment);
  }
  expect(events.all).toHaveLength(400);
  expect(events.all.at(-1)?.event.data).toBe('{"n":999}');
  const large = JSON.stringify('x'.repeat(4000));
  for (let n = 1000; n < 1040; n++) {
    events.add({ ...message(n, 10), data: large }, segment);
  }
  const tags = events.tagsFrom(0);
  expect(tags.length).toBeLessThanOrEqual(128 * 1024);
  expect(events.all.map(({ event }) => Number.parseInt(event.id, 16)).slice(-20)).toEqual(Array.from({ length: 20 }, (_, n) => 1020 + n));
  // What is no longer listed does not come back with the next rendition.
  events.add({ ...message(1000, 10), data: large }, segment);
  expect(events.tagsFrom(0)).toBe(tags);
  events.forgetBefore(11);
  expect(events.tagsFrom(0)).toBe('');
});
