import { pino } from 'pino';
import { describe, expect, it } from 'vitest';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { ticks, wallTime } from '#core/media/time.ts';
import { trackName } from '#core/media/track.ts';

import { Feeds } from './feeds.ts';
import { RenditionFeed } from './rendition-feed.ts';
import { settle, TestBroadcast, vp8Config } from './testing/broadcast.ts';

const log = pino({ level: 'silent' });

function feedOf(prepare: (broadcast: TestBroadcast) => void) {
  const bus = createLocalBus();
  const broadcast = new TestBroadcast(bus);
  prepare(broadcast);
  return { broadcast, bus, feed: new RenditionFeed({ bus, broadcast: broadcast.id, track: trackName('video'), clock: () => wallTime(Date.UTC(2026, 0, 1)), log }) };
}

describe('a rendition feed', () => {
  it('has the newest group at once when it is made', () => {
    const { feed } = feedOf((broadcast) => broadcast.write('video', 0, 45));
    expect(feed.newest?.timestamp).toBe(44 * 3000);
    expect(feed.at(feed.newestKey ?? -1)?.timestamp).toBe(30 * 3000);
    expect(feed.capture).toEqual({ wallTime: Date.UTC(2026, 0, 1) + 1000, seconds: 1 });
  });

  it('tells its readers of each frame in the turn in which it comes', async () => {
    const { feed, broadcast } = feedOf((broadcast) => broadcast.write('video', 0, 3));
    const heard: number[] = [];
    const stop = feed.read({ fed: ({ newest }) => heard.push(newest?.timestamp ?? -1) });
    broadcast.write('video', 3, 5);
    await settle();
    stop();
    broadcast.write('video', 5);
    await settle();
    expect(heard).toEqual([3 * 3000, 4 * 3000]);
  });

  it('keeps the frames since the last key frame but one', async () => {
    const { feed, broadcast } = feedOf((broadcast) => broadcast.write('video', 0, 10));
    broadcast.write('video', 10, 100);
    await settle();
    expect(feed.end).toBe(100);
    expect([feed.at(59), feed.at(60)?.timestamp]).toEqual([undefined, 60 * 3000]);
    expect(feed.keyAfter(ticks(60 * 3000))).toBe(90);
  });

  it('begins at a key frame inside a group where the group does not start with one', () => {
    const { feed } = feedOf((broadcast) => broadcast.write('video', 30, 50, { config: vp8Config, keys: [41] }));
    expect(feed.newestKey).toBe(0);
    expect(feed.at(0)?.timestamp).toBe(41 * 3000);
  });

  it('looks further back where key frames are far apart', () => {
    const { feed } = feedOf((broadcast) => broadcast.write('video', 0, 200, { keys: [15] }));
    expect(feed.at(feed.newestKey ?? -1)?.timestamp).toBe(15 * 3000);
    expect(feed.newest?.timestamp).toBe(199 * 3000);
  });

  it('waits for a key frame where an epoch or a codec begins without one', async () => {
    const { feed, broadcast } = feedOf((broadcast) => broadcast.write('video', 0, 5));
    broadcast.write('video', 30, 40, { keys: [33], epoch: 1 });
    broadcast.write('video', 60, 70, { keys: [64], epoch: 1, config: vp8Config });
    await settle();
    const places = Array.from({ length: feed.end - 5 }, (_, i) => feed.at(5 + i)?.timestamp).map((timestamp) => (timestamp ?? 0) / 3000);
    expect(places).toEqual([33, 34, 35, 36, 37, 38, 39, 64, 65, 66, 67, 68, 69]);
  });

  it('leaves out a frame that cannot be read and what depends on it', async () => {
    const { feed, broadcast } = feedOf((broadcast) => broadcast.write('video', 0, 5));
    broadcast.write('video', 5, 6, { bytes: 0, config: vp8Config });
    broadcast.write('video', 6, 32);
    await settle();
    expect(feed.at(4)?.timestamp).toBe(4 * 3000);
    expect(feed.at(5)?.timestamp).toBe(30 * 3000);
  });

  it('measures by whole seconds of media', async () => {
    const { feed, broadcast } = feedOf((broadcast) => broadcast.write('video', 0, 29));
    expect(feed.bitrate).toBeUndefined();
    broadcast.write('video', 29, 31);
    await settle();
    expect(feed.bitrate).toBeGreaterThan(30 * 200 * 8 * 0.9);
    expect(feed.bitrate).toBeLessThan(30 * 200 * 8 * 1.2);
  });
});

describe('the feeds of a thread', () => {
  const reader = { fed: () => undefined };

  it('share one feed between readers, and let go of it 10 s after the last', () => {
    const bus = createLocalBus();
    const { id } = new TestBroadcast(bus);
    let now = wallTime(0);
    const feeds = new Feeds({ bus, clock: () => now, log });
    const one = feeds.take(id, trackName('video'), reader);
    const two = feeds.take(id, trackName('video'), reader);
    expect([feeds.count, one.feed === two.feed]).toEqual([1, true]);
    one.release();
    one.release();
    feeds.expire(wallTime(60_000));
    expect(feeds.count).toBe(1);
    now = wallTime(60_000);
    two.release();
    feeds.expire(wallTime(69_999));
    expect(feeds.count).toBe(1);
    expect(feeds.take(id, trackName('video'), reader).feed).toBe(one.feed);
  });

  it('end with the thread', async () => {
    const bus = createLocalBus();
    const { id } = new TestBroadcast(bus);
    const feeds = new Feeds({ bus, clock: () => wallTime(0), log });
    feeds.take(id, trackName('video'), reader);
    feeds.close();
    await settle();
    expect(feeds.count).toBe(0);
  });
});
