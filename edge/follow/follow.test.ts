import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { Bus } from '#core/bus/bus.ts';
import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { broadcastId } from '#core/media/frame.ts';
import { later, millis, wallTime, type WallTime } from '#core/media/time.ts';
import { trackName, type TrackName } from '#core/media/track.ts';

import { followBus, type BusFollower, type FollowOptions } from '../from-bus.ts';
import { until } from '../http/testing/edge.ts';
import { TestStream } from '../http/testing/stream.ts';
import { DashBroadcast } from '../lldash/dash-broadcast.ts';
import { DEFAULT_LATENCY } from '../lldash/manifest.ts';
import { Directory } from '../llhls/directory.ts';
import type { Rendition } from '../llhls/rendition.ts';
import { settled, TestWaiter } from '../llhls/testing/broadcast.ts';
import { NO_DIRECTIVES } from '../llhls/directives.ts';
import { countSubscriptions, slowDown } from './testing/slow-bus.ts';

const [video, small] = [trackName('video'), trackName('v360')];

let now: WallTime;
let bus: Bus;
let directory: Directory;
let follower: BusFollower;
let open: Map<TrackName, number>;

beforeEach(() => {
  now = wallTime(Date.UTC(2026, 0, 1));
  bus = createLocalBus();
  open = countSubscriptions(bus);
});

afterEach(async () => {
  await follower.close();
  await bus.close();
});

function follow(more: Partial<FollowOptions> = {}): void {
  const clock = (): WallTime => now;
  directory = new Directory({ clock, listed: millis(30_000), maxBytesPerTrack: 1024 * 1024, partHoldBack: 3, knownStreams: () => [] });
  const observer = { partAvailable: () => undefined, groupsLost: () => undefined };
  follower = followBus({ bus, directory, follow: 'watched', observer, log: pino({ level: 'silent' }), clock, ...more });
}

/** So many seconds pass, a quarter at a time as in an edge. */
async function pass(seconds: number): Promise<void> {
  for (let left = seconds * 4; left > 0; left--) {
    now = later(now, millis(250));
    directory.expire(now);
    follower.expire(now);
    await settled();
  }
}

function rendition(track: TrackName = video): Rendition {
  const found = directory.broadcast('demo', broadcastId('testbroadcast'))?.renditions.get(track);
  if (found === undefined) {
    throw new Error(`no ${track}`);
  }
  return found;
}

const listed = (track: TrackName = video): number[] => rendition(track).window.listed.map(({ group }) => group);

function playlist(track: TrackName = video): string {
  const found = rendition(track).playlist(NO_DIRECTIVES);
  return typeof found === 'string' ? found : found.bytes.toString();
}

const tag = (name: string, text = playlist()): string | undefined => new RegExp(`#EXT-X-${name}:(.*)`).exec(text)?.[1];

describe('a track that nobody watches', () => {
  test('is not subscribed to; who asks for it waits for the backlog and gets six seconds', async () => {
    const stream = new TestStream(bus, { tracks: ['video', 'v360'] });
    follow();
    stream.parts(5 * 20 + 2);
    expect([open.size, rendition().state]).toEqual([0, 'asleep']);
    expect(rendition().want()).toBe('wait');
    const waiter = new TestWaiter();
    rendition().awaitReady(waiter);
    await settled();
    expect(waiter.outcomes).toEqual(['arrived']);
    expect(listed()).toEqual([114, 115, 116, 117, 118, 119, 120]);
    expect([...open]).toEqual([[video, 1]]);
    expect(rendition(small).state).toBe('asleep');
  });

  test('is let go of ten seconds after the last request, and begins anew when it is asked for again', async () => {
    const stream = new TestStream(bus);
    follow();
    stream.parts(5 * 8);
    rendition().want();
    await pass(1);
    const before = { sequence: Number(tag('MEDIA-SEQUENCE')), discontinuity: tag('DISCONTINUITY-SEQUENCE') };
    await pass(9);
    expect(open.get(video)).toBe(1);
    await pass(0.5);
    expect([open.get(video), rendition().state, listed(), rendition().window.bytes]).toEqual([0, 'asleep', [], 0]);
    stream.parts(5 * 12);
    rendition().want();
    await settled();
    expect(Number(tag('MEDIA-SEQUENCE'))).toBeGreaterThan(before.sequence);
    expect(tag('DISCONTINUITY-SEQUENCE')).toBe(before.discontinuity);
    expect(listed()).toEqual([113, 114, 115, 116, 117, 118, 119]);
  });

  test('is kept as long as a request waits for it', async () => {
    const stream = new TestStream(bus);
    follow();
    stream.parts(7);
    rendition().want();
    await settled();
    const waiter = new TestWaiter({ deadline: later(now, millis(60_000)) });
    rendition().awaitPart(101, 2, waiter);
    await pass(15);
    expect(open.get(video)).toBe(1);
    stream.parts(1);
    await until(() => waiter.outcomes.length > 0);
    await pass(11);
    expect(open.get(video)).toBe(0);
  });

  test('never lists again what lies before the last playlist\'s first segment', async () => {
    const stream = new TestStream(bus);
    follow();
    stream.parts(5 * 4);
    rendition().want();
    await pass(0.5);
    stream.parts(5 * 40);
    await until(() => listed()[0] !== undefined && (listed()[0] as number) > 100);
    const first = listed()[0] as number;
    await pass(10.5);
    expect(rendition().state).toBe('asleep');
    const { consume } = bus;
    bus.consume = (broadcast, track) => consume.call(bus, broadcast, track, { backlog: millis(100_000) });
    rendition().want();
    await settled();
    expect(listed()[0]).toBeGreaterThanOrEqual(first);
  });

  test('is reported at the place that all renditions share', async () => {
    const stream = new TestStream(bus, { tracks: ['video', 'v360'] });
    follow();
    stream.parts(5 * 8 + 2);
    rendition().want();
    await settled();
    expect(tag('RENDITION-REPORT')).toBe('URI="../v360/index.m3u8",LAST-MSN=107,LAST-PART=4');
    rendition(small).want();
    await settled();
    expect(tag('RENDITION-REPORT')).toBe('URI="../v360/index.m3u8",LAST-MSN=108,LAST-PART=1');
  });

  test('comes whole with its end where it is asked for after the broadcast was over', async () => {
    const stream = new TestStream(bus);
    follow();
    stream.parts(5 * 8);
    stream.end();
    await pass(2);
    rendition().want();
    await until(() => rendition().window.ended);
    expect(listed()).toEqual([101, 102, 103, 104, 105, 106, 107]);
    await settled();
    expect(playlist()).toContain('#EXT-X-ENDLIST');
  });

  test('is over for good a minute after its broadcast', async () => {
    const stream = new TestStream(bus);
    follow();
    stream.parts(5 * 8);
    stream.end();
    await pass(59);
    expect(rendition().state).toBe('asleep');
    const known = rendition();
    await pass(2);
    expect([known.state, known.window.ended]).toEqual(['live', true]);
    expect(open.get(video) ?? 0).toBe(0);
  });
});

test('who reads the DASH manifest keeps every track, who reads a segment as it grows keeps its track', async () => {
  const stream = new TestStream(bus, { tracks: ['video', 'v360'] });
  follow();
  const window = directory.current('demo');
  if (window === undefined) {
    throw new Error('not on air');
  }
  const dash = new DashBroadcast(window, { timeUrl: '/time', latency: DEFAULT_LATENCY, clock: () => now });
  window.attach(dash);
  stream.parts(5 * 8 + 2);
  expect(dash.want()).toBe('wait');
  const waiter = new TestWaiter();
  window.awaitAll(waiter);
  await settled();
  expect(waiter.outcomes).toEqual(['arrived']);
  expect([dash.want(), dash.manifest() !== undefined, ...open.values()]).toEqual(['ready', true, 1, 1]);
  dash.awaitManifest(108, new TestWaiter({ deadline: later(now, millis(20_000)) }));
  const growing = rendition().window.last;
  const leave = growing && dash.segments.follow(video, growing, { advance: () => false, giveUp: () => undefined }, now);
  await pass(19);
  expect([...open.values()]).toEqual([1, 1]);
  await pass(11.5);
  expect([open.get(video), open.get(small)]).toEqual([1, 0]);
  leave?.();
  await pass(10.5);
  expect([open.get(video), open.get(small)]).toEqual([0, 0]);
});

test('a DASH manifest that is asked for after everybody had gone names its period as an edge does that begins then', async () => {
  const stream = new TestStream(bus, { tracks: ['video', 'v360'] });
  follow();
  const window = directory.current('demo');
  if (window === undefined) {
    throw new Error('not on air');
  }
  const dash = new DashBroadcast(window, { timeUrl: '/time', latency: DEFAULT_LATENCY, clock: () => now });
  window.attach(dash);
  const periods = async (): Promise<readonly (string | undefined)[]> => {
    dash.want();
    await settled();
    return [...(dash.manifest()?.bytes.toString() ?? '').matchAll(/<Period id="([^"]+)" start="([^"]+)"/g)].map(([, id, start]) => `${id} ${start}`);
  };
  stream.parts(5 * 8 + 2);
  const first = await periods();
  expect(first).toEqual([expect.stringMatching(/^0 /)]);
  await pass(11);
  expect([...open.values()]).toEqual([0, 0]);
  stream.parts(5 * 12);
  const again = await periods();
  expect(again).toEqual([expect.stringMatching(/^0 /)]);
  expect(again).not.toEqual(first);
});

describe('a backlog that takes time', () => {
  test('is waited for to its end', async () => {
    const stream = new TestStream(bus);
    const link = slowDown(bus);
    stream.parts(5 * 8);
    follow();
    rendition().want();
    const waiter = new TestWaiter();
    rendition().awaitReady(waiter);
    await settled();
    expect(rendition().state).toBe('filling');
    link.arrive(100);
    await until(() => rendition().window.last?.group === 104);
    expect([rendition().state, waiter.outcomes]).toEqual(['filling', []]);
    link.arrive();
    await until(() => waiter.outcomes.length > 0);
    expect(waiter.outcomes).toEqual(['arrived']);
    expect(listed()).toEqual([101, 102, 103, 104, 105, 106, 107]);
  });

  test('is waited for no longer than three seconds', async () => {
    slowDown(bus);
    new TestStream(bus).parts(5 * 8);
    follow();
    rendition().want();
    await pass(2.75);
    expect(rendition().state).toBe('filling');
    await pass(0.25);
    await until(() => rendition().state === 'live');
    expect(listed()).toEqual([]);
  });
});

describe('the bound of watched tracks', () => {
  test('takes the track that was asked for least lately, and refuses where all are in use', async () => {
    new TestStream(bus, { tracks: ['video', 'v360', 'v180'] }).parts(5 * 8);
    follow({ maxFollowedTracks: 2 });
    const tiny = trackName('v180');
    rendition().want();
    await pass(3);
    rendition(small).want();
    await pass(0.5);
    // The first was not asked for in three seconds, the second was.
    await pass(2);
    expect(rendition(tiny).want()).toBe('wait');
    await settled();
    expect([rendition().state, rendition(small).state, rendition(tiny).state]).toEqual(['asleep', 'live', 'live']);
    expect(follower.watched).toBe(2);
    expect(rendition().want()).toBe('refused');
  });

  test('lets nobody wake tracks in turn, faster than as many as are followed in ten seconds', async () => {
    const names = ['video', 'v360', 'v180', 'v90'];
    new TestStream(bus, { tracks: names }).parts(5 * 8);
    follow({ maxFollowedTracks: 2 });
    let woken = 0;
    for (let i = 0; i < 40; i++) {
      const track = rendition(trackName(names[i % names.length] ?? ''));
      woken += track.state === 'asleep' && track.want() === 'wait' ? 1 : 0;
      await pass(1);
    }
    // Two at once, then one in five seconds.
    expect(woken).toBeLessThanOrEqual(2 + 8);
    expect(woken).toBeGreaterThan(4);
  });
});

describe('always', () => {
  test('is what an edge does that keeps the broadcast, from the moment at which it may', async () => {
    new TestStream(bus, { tracks: ['video', 'v360'] }).parts(5 * 8);
    const { promise, resolve } = Promise.withResolvers<(isKeeping: boolean) => void>();
    const kept: string[] = [];
    const events = { init: () => undefined, part: () => undefined, segment: ({ group }: { readonly group: number }) => void kept.push(`${group}`), gap: () => undefined };
    const keeper = { info: undefined as never, ladder: undefined as never, onKeeping: resolve, track: () => events, end: () => Promise.resolve() };
    follow({ archive: { keep: () => keeper } });
    const tell = await promise;
    expect(open.size).toBe(0);
    tell(true);
    expect([...open.values()]).toEqual([1, 1]);
    expect(kept.slice(0, 6)).toEqual(['101', '102', '103', '104', '105', '106']);
    await pass(11);
    expect([...open.values()]).toEqual([1, 1]);
    tell(false);
    await pass(11);
    expect([...open.values()]).toEqual([0, 0]);
  });

  test('takes no ladder of a transcoder that was overtaken', () => {
    const stream = new TestStream(bus, { tracks: ['video', 'v360'] });
    stream.parts(1);
    follow({ follow: 'always' });
    const window = directory.current('demo');
    const ladder = window?.ladder;
    if (ladder === undefined) {
      throw new Error('no ladder');
    }
    bus.putCatalog(ladder.broadcast, 'ladder', { ...ladder, fence: 7, renditions: ladder.renditions.slice(0, 1) });
    bus.putCatalog(ladder.broadcast, 'ladder', { ...ladder, fence: 6 });
    expect(window?.ladder?.fence).toBe(7);
  });
});
