import { pino } from 'pino';
import { describe, expect, it } from 'vitest';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import type { PacketizedFrame } from '#core/media/rtp/packetized-frame.ts';
import { millis, wallTime } from '#core/media/time.ts';
import { trackName } from '#core/media/track.ts';

import { Feeds } from './feeds.ts';
import { settle, TestBroadcast } from './testing/broadcast.ts';
import { VideoPath, type PathRung, type VideoOut } from './video-path.ts';
import { ViewerTimeline } from './viewer-timeline.ts';

const FRAME = 3000;
const MS = 90;

/** A path on a bus of its own, with a pacer that the test fills and empties. */
function setUp(id = 'testbroadcast') {
  const bus = createLocalBus();
  const broadcast = new TestBroadcast(bus, id);
  const state = { now: millis(10_000), estimate: 1e9, takes: true, dropped: 0, wall: 0 };
  const sent: { track: string; frame: PacketizedFrame }[] = [];
  const told: string[] = [];
  const out: VideoOut = {
    sendVideo: (frame) => {
      sent.push({ track: path.current?.track ?? '', frame });
      return state.takes;
    },
    dropQueued: () => {
      state.dropped += 1;
    },
    estimate: () => state.estimate,
    rtt: () => millis(20),
  };
  const feeds = new Feeds({ bus, clock: () => wallTime(state.wall), log: pino({ level: 'silent' }) });
  const path = new VideoPath({
    take: ({ broadcast, track }, reader) => feeds.take(broadcast, track, reader),
    out,
    timeline: new ViewerTimeline(),
    clock: () => state.now,
    observer: {
      switched: (from, to) => told.push(`${from?.track ?? 'nothing'} to ${to.track}`),
      abandoned: ({ track }) => told.push(`without ${track}`),
      capture: ({ seconds }) => told.push(`capture ${seconds}`),
      event: () => undefined,
      waits: () => undefined,
    },
  });
  const rung = (track: string, encoded = track !== 'video' && !track.startsWith('layer')): PathRung => ({ broadcast: broadcast.id, track: trackName(track), encoded });
  return { bus, broadcast, path, sent, told, state, rung, timestamps: () => sent.map(({ frame }) => frame.timestamp), feeds };
}

/** `track:frame` of what was sent, by presentation time where it is not squeezed. */
const places = (sent: readonly { track: string; frame: PacketizedFrame }[]): string[] => sent.map(({ track, frame }) => `${track}:${(frame.group - 100) * 30 + frame.index}`);

describe('entering', () => {
  it('sends the newest group at once, squeezed so that its newest frame is at its true time', async () => {
    const { broadcast, path, sent, rung, timestamps } = setUp();
    broadcast.write('video', 0, 35);
    path.go(rung('video'), 'at-once');
    expect(places(sent)).toEqual(['video:30', 'video:31', 'video:32', 'video:33', 'video:34']);
    expect(timestamps()).toEqual([4, 3, 2, 1, 0].map((after) => 34 * FRAME - after * MS));
    broadcast.write('video', 35);
    await settle();
    expect(timestamps().at(-1)).toBe(35 * FRAME);
  });

  it('keeps to a pace, and goes on as time passes', () => {
    const { broadcast, path, sent, rung, state } = setUp();
    broadcast.write('video', 0, 10);
    // A frame of some 200 bytes takes 9 ms.
    state.estimate = 72_000;
    path.go(rung('video'), 'at-once');
    expect([sent.length, path.waiting]).toEqual([3, true]);
    state.now = millis(state.now + 30);
    path.tick();
    expect([sent.length, path.waiting]).toEqual([6, true]);
    state.now = millis(state.now + 100);
    path.tick();
    expect([sent.length, path.waiting]).toEqual([10, false]);
  });

  it('leaves the rest of a group where the next one begins meanwhile', async () => {
    const { broadcast, path, sent, rung, state, timestamps } = setUp();
    broadcast.write('video', 0, 28);
    state.estimate = 72_000;
    path.go(rung('video'), 'at-once');
    expect(sent.length).toBe(3);
    broadcast.write('video', 28, 32);
    await settle();
    state.now = millis(state.now + 100);
    path.tick();
    expect(places(sent).slice(3)).toEqual(['video:30', 'video:31']);
    expect(timestamps().at(-1)).toBe(31 * FRAME);
    expect(state.dropped).toBe(2);
  });

  it('waits for the first key frame where there is none', async () => {
    const { broadcast, path, sent, rung } = setUp();
    path.go(rung('video'), 'at-once');
    broadcast.write('video', 0, 2);
    await settle();
    expect(places(sent)).toEqual(['video:0', 'video:1']);
  });

  it('tells when the frames of a group were captured', async () => {
    const { broadcast, path, told, rung } = setUp();
    broadcast.write('video', 0, 5);
    path.go(rung('video'), 'at-once');
    broadcast.write('video', 5, 31);
    await settle();
    expect(told).toEqual(['nothing to video', 'capture 0', 'capture 1']);
  });
});

describe('a key request', () => {
  it('is answered from the newest group, with timestamps that go on rising', () => {
    const { broadcast, path, sent, rung, state, timestamps } = setUp();
    broadcast.write('video', 0, 33);
    path.go(rung('video'), 'at-once');
    sent.length = 0;
    state.now = millis(state.now + 500);
    path.keyRequest();
    expect(places(sent)).toEqual(['video:30', 'video:31', 'video:32']);
    expect(timestamps()).toEqual([1, 2, 3].map((after) => 32 * FRAME + after * MS));
  });

  it('is not answered while the source stalls', async () => {
    const { broadcast, path, sent, rung, state } = setUp();
    broadcast.write('video', 0, 33);
    path.go(rung('video'), 'at-once');
    const ask = (): number => {
      sent.length = 0;
      path.keyRequest();
      return sent.length;
    };
    state.now = millis(state.now + 1001);
    expect(ask()).toBe(0);
    broadcast.write('video', 33);
    await settle();
    expect(ask()).toBe(4);
  });

  it('that crossed a key frame on its way is answered by that', () => {
    const { broadcast, path, sent, rung, state } = setUp();
    broadcast.write('video', 0, 33);
    path.go(rung('video'), 'at-once');
    sent.length = 0;
    state.now = millis(state.now + 19);
    path.keyRequest();
    expect(sent).toEqual([]);
  });
});

describe('a switch at a key frame that both rungs share', () => {
  it('from a lagging rung up to the source: the old one is sent to its end, the new one from its start', async () => {
    const { broadcast, path, sent, rung, timestamps } = setUp();
    broadcast.write('v360', 0, 25);
    path.go(rung('v360'), 'at-once');
    sent.length = 0;
    broadcast.write('video', 0, 28);
    path.go(rung('video'), 'at-shared-idr');
    broadcast.write('video', 28, 34);
    broadcast.write('v360', 25, 30);
    await settle();
    expect(places(sent)).toEqual(['v360:25', 'v360:26', 'v360:27', 'v360:28', 'v360:29']);
    broadcast.write('v360', 30);
    broadcast.write('video', 34);
    await settle();
    expect(places(sent).slice(5)).toEqual(['video:30', 'video:31', 'video:32', 'video:33', 'video:34']);
    expect(timestamps()).toEqual([25, 26, 27, 28, 29, 30, 31, 32, 33, 34].map((n) => n * FRAME));
  });

  it('from the source down to a lagging rung: the group is held until that has begun it', async () => {
    const { broadcast, path, sent, told, rung, timestamps } = setUp();
    broadcast.write('video', 0, 29);
    broadcast.write('v360', 0, 26);
    path.go(rung('video'), 'at-once');
    sent.length = 0;
    path.go(rung('v360'), 'at-shared-idr');
    broadcast.write('video', 29, 33);
    await settle();
    expect(places(sent)).toEqual(['video:29']);
    expect(path.waiting).toBe(true);
    broadcast.write('v360', 26, 32);
    await settle();
    expect(places(sent)).toEqual(['video:29', 'v360:30', 'v360:31']);
    expect(timestamps()).toEqual([29 * FRAME, 30 * FRAME, 31 * FRAME]);
    expect(told.at(-1)).toBe('capture 1');
    expect(path.pending).toBeUndefined();
  });

  it('is given up where the lagging rung does not come: the old one goes on from where it was held', async () => {
    const { broadcast, path, sent, told, rung, state } = setUp();
    broadcast.write('video', 0, 29);
    broadcast.write('v360', 0, 10);
    path.go(rung('video'), 'at-once');
    sent.length = 0;
    path.go(rung('v360'), 'at-shared-idr');
    broadcast.write('video', 29, 31);
    await settle();
    state.now = millis(state.now + 399);
    path.tick();
    expect(sent.length).toBe(1);
    state.now = millis(state.now + 1);
    path.tick();
    expect(places(sent)).toEqual(['video:29', 'video:30']);
    expect(told).toContain('without v360');
    expect(path.pending).toBeUndefined();
  });

  it('does not wait longer than 300 ms for an old rung that has stopped', async () => {
    const { broadcast, path, sent, rung, state } = setUp();
    broadcast.write('v360', 0, 20);
    path.go(rung('v360'), 'at-once');
    sent.length = 0;
    path.go(rung('video'), 'at-shared-idr');
    broadcast.write('video', 0, 31);
    await settle();
    expect([sent.length, path.waiting]).toEqual([0, true]);
    state.now = millis(state.now + 300);
    path.tick();
    expect(places(sent)).toEqual(['video:30']);
  });

  it('between layers of one publisher takes the key frame that comes, wherever it is', async () => {
    const { broadcast, path, sent, rung, timestamps } = setUp();
    broadcast.write('video', 0, 12);
    broadcast.write('layer1', 0, 11);
    path.go(rung('video'), 'at-once');
    sent.length = 0;
    path.go(rung('layer1'), 'at-shared-idr');
    broadcast.write('layer1', 11, 14, { keys: [11] });
    broadcast.write('video', 12);
    await settle();
    expect(places(sent)).toEqual(['layer1:11', 'layer1:12', 'layer1:13']);
    expect(timestamps()[0]).toBe(11 * FRAME + MS);
    expect(timestamps().at(-1)).toBe(13 * FRAME);
  });
});

describe('a switch at once', () => {
  it('drops the old rung and begins the new one at its newest key frame, timestamps rising', async () => {
    const { broadcast, path, sent, told, rung, timestamps } = setUp();
    broadcast.write('video', 0, 20);
    path.go(rung('video'), 'at-once');
    sent.length = 0;
    broadcast.write('v360', 0, 17);
    path.go(rung('v360'), 'at-once');
    expect(places(sent)).toEqual(Array.from({ length: 17 }, (_, n) => `v360:${n}`));
    const first = 19 * FRAME + MS;
    expect(timestamps()).toEqual(Array.from({ length: 17 }, (_, n) => first + n * MS));
    broadcast.write('video', 20);
    broadcast.write('v360', 17, 22);
    await settle();
    expect(places(sent).slice(17)).toEqual(['v360:17', 'v360:18', 'v360:19', 'v360:20', 'v360:21']);
    const all = timestamps();
    expect(all.every((timestamp, i) => i === 0 || timestamp > (all[i - 1] ?? 0))).toBe(true);
    expect(all.at(-1)).toBe(21 * FRAME);
    expect(told.filter((line) => line.includes(' to '))).toEqual(['nothing to video', 'video to v360']);
  });

  it('keeps the old rung while the new one has nothing', async () => {
    const { broadcast, path, sent, rung } = setUp();
    broadcast.write('video', 0, 5);
    path.go(rung('video'), 'at-once');
    path.go(rung('v360'), 'at-once');
    sent.length = 0;
    broadcast.write('video', 5);
    await settle();
    broadcast.write('v360', 0);
    await settle();
    expect(places(sent)).toEqual(['video:5', 'v360:0']);
  });

  it('overrules a switch that waits for a key frame', () => {
    const { broadcast, path, rung } = setUp();
    broadcast.write('video', 0, 5);
    broadcast.write('v360', 0, 4);
    path.go(rung('video'), 'at-once');
    path.go(rung('v360'), 'at-shared-idr');
    expect(path.current?.track).toBe('video');
    path.go(rung('v360'), 'at-once');
    expect([path.current?.track, path.pending]).toEqual(['v360', undefined]);
  });
});

describe('over time', () => {
  it('goes on through an epoch, whose pts go on', async () => {
    const { broadcast, path, sent, rung } = setUp();
    broadcast.write('video', 0, 33);
    path.go(rung('video'), 'at-once');
    sent.length = 0;
    broadcast.write('video', 90, 92, { epoch: 1 });
    await settle();
    expect(sent.map(({ frame }) => [frame.epoch, frame.timestamp])).toEqual([[1, 90 * FRAME], [1, 91 * FRAME]]);
  });

  it('shows what was held back as fast as it can be, and is live again', async () => {
    const { broadcast, path, sent, rung, state, timestamps } = setUp();
    const start = Date.UTC(2026, 0, 1);
    broadcast.write('video', 0, 5);
    path.go(rung('video'), 'at-once');
    state.wall = start + 200;
    broadcast.write('video', 5);
    await settle();
    sent.length = 0;
    // Ingest judges a new epoch for two seconds, and then hands on all of it.
    state.wall = start + 10_000 + 2020;
    broadcast.write('video', 300, 350, { epoch: 1 });
    await settle();
    expect([sent.length, path.waiting]).toEqual([0, false]);
    broadcast.write('video', 350, 361, { epoch: 1 });
    await settle();
    expect(places(sent)[0]).toBe('video:330');
    expect(timestamps().at(-1)).toBe(360 * FRAME);
    expect((timestamps()[0] ?? 0) / FRAME).toBeGreaterThan(354);
  });

  it('goes on into the next broadcast of the stream with timestamps that rise by the time passed', () => {
    const { bus, broadcast, path, sent, rung, state } = setUp();
    broadcast.write('video', 300, 330);
    path.go(rung('video'), 'at-once');
    const last = sent.at(-1)?.frame.timestamp ?? 0;
    path.stop();
    sent.length = 0;
    const next = new TestBroadcast(bus, 'nextbroadcast');
    next.write('video', 0, 3);
    state.now = millis(state.now + 5000);
    path.go({ ...rung('video'), broadcast: next.id }, 'at-once');
    expect(sent.map(({ frame }) => frame.timestamp)).toEqual([2, 1, 0].map((after) => last + 5000 * MS - after * MS));
  });

  it('lets go of every feed when it stops', () => {
    const { broadcast, path, rung, feeds } = setUp();
    broadcast.write('video', 0, 5);
    path.go(rung('video'), 'at-once');
    path.go(rung('v360'), 'at-shared-idr');
    path.stop();
    feeds.expire(wallTime(20_000));
    expect(feeds.count).toBe(0);
  });

  it('is behind by what the pacer refuses, and counts on nothing of it', async () => {
    const { broadcast, path, sent, rung, state } = setUp();
    broadcast.write('video', 0, 5);
    path.go(rung('video'), 'at-once');
    state.takes = false;
    broadcast.write('video', 5, 8);
    await settle();
    state.takes = true;
    broadcast.write('video', 8);
    await settle();
    expect(places(sent).slice(5)).toEqual(['video:5', 'video:6', 'video:7', 'video:8']);
    expect(path.waiting).toBe(false);
  });
});
