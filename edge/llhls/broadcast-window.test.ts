import { expect, test } from 'vitest';

import type { BroadcastInfo } from '#core/bus/catalog.ts';
import { later, millis } from '#core/media/time.ts';
import { trackName } from '#core/media/track.ts';

import { BroadcastWindow } from './broadcast-window.ts';
import { NO_DIRECTIVES } from './directives.ts';
import type { Rendition } from './rendition.ts';
import { settled, testBroadcast, testLadder, testRenditions, TestWaiter } from './testing/broadcast.ts';
import { Feed, ORIGIN } from './testing/feed.ts';

const info: BroadcastInfo = { stream: 'demo', broadcast: testBroadcast, epoch: 0, state: 'live', startedAt: ORIGIN };

/** A broadcast of `video`, `v360` and `audio` with a feed for each. */
function broadcast(partHoldBack = 3) {
  const window = new BroadcastWindow(info, { listed: millis(30_000), maxBytesPerTrack: 1024 * 1024, partHoldBack });
  window.ladder = testLadder();
  const of = (name: string): Rendition => window.renditions.get(trackName(name)) as Rendition;
  return { window, of, video: new Feed(of('video').window), v360: new Feed(of('v360').window), audio: new Feed(of('audio').window) };
}

const text = (rendition: Rendition): string => {
  const found = rendition.playlist(NO_DIRECTIVES);
  return typeof found === 'string' ? found : found.bytes.toString();
};

test('a playlist request blocks until the part exists, then completes', async () => {
  const { of, video } = broadcast();
  video.group(1);
  video.part(2);
  await settled();
  const waiter = new TestWaiter();
  const directives = { msn: 2, part: 1, skip: false };
  expect(of('video').playlist(directives)).toBe('wait');
  of('video').awaitPlaylist(directives, waiter);
  await settled();
  expect(waiter.outcomes).toEqual([]);
  video.part(2);
  expect(waiter.outcomes).toEqual([]);
  await settled();
  expect(waiter.outcomes).toHaveLength(1);
  expect(waiter.text).toContain('2.1.m4s');
});

test('all who wait for one place get one payload; delta updates share another', async () => {
  const { of, video } = broadcast();
  video.groups(1, 25);
  await settled();
  const waiters = [new TestWaiter(), new TestWaiter(), new TestWaiter({ wantsDelta: true }), new TestWaiter({ wantsDelta: true })];
  for (const waiter of waiters) {
    of('video').awaitPlaylist({ msn: 26, part: 0, skip: waiter.wantsDelta }, waiter);
  }
  video.part(26);
  await settled();
  const [first, second, third, fourth] = waiters.map(({ outcomes }) => outcomes[0]);
  expect(second).toBe(first);
  expect(fourth).toBe(third);
  expect(third).not.toBe(first);
  expect(waiters[2]?.text).toContain('#EXT-X-SKIP:SKIPPED-SEGMENTS=13');
});

test('a request for a part past the end of its segment completes with part 0 of the next', async () => {
  const { of, video } = broadcast();
  video.group(1);
  video.group(2, { parts: 4 });
  const waiter = new TestWaiter();
  of('video').awaitPlaylist({ msn: 2, part: 4, skip: false }, waiter);
  await settled();
  expect(waiter.outcomes).toEqual([]);
  video.part(3);
  await settled();
  expect(waiter.text).toContain('3.0.m4s');
});

test('the hinted part can be asked for ahead; others cannot', async () => {
  const { of, video } = broadcast();
  video.group(1);
  video.part(2);
  const rendition = of('video');
  expect([rendition.part(2, 1), rendition.part(2, 2), rendition.part(3, 0), rendition.part(1, 5)]).toEqual(['wait', undefined, undefined, undefined]);
  const waiter = new TestWaiter();
  rendition.awaitPart(2, 1, waiter);
  await settled();
  expect(waiter.outcomes).toEqual([]);
  video.part(2);
  await settled();
  expect(waiter.text).toBe('2.1.......');
});

test('a hinted part that never comes because its segment ended is gone', async () => {
  const { of, video } = broadcast();
  video.group(1);
  video.part(2);
  const waiter = new TestWaiter();
  of('video').awaitPart(2, 1, waiter);
  video.end();
  await settled();
  expect(waiter.outcomes).toEqual(['gone']);
  expect(of('video').part(3, 0)).toBe('wait');
});

test('who waits three target durations is told so, and nobody sooner', () => {
  const { window, of, video } = broadcast();
  video.group(1);
  const [first, second] = [new TestWaiter({ deadline: later(ORIGIN, millis(6000)) }), new TestWaiter({ deadline: later(ORIGIN, millis(6100)) })];
  of('video').awaitPlaylist({ msn: 2, part: 0, skip: false }, first);
  of('video').awaitPlaylist({ msn: 2, part: 0, skip: false }, second);
  window.expire(later(ORIGIN, millis(5999)));
  expect(first.outcomes).toEqual([]);
  window.expire(later(ORIGIN, millis(6000)));
  expect([first.outcomes, second.outcomes]).toEqual([['timeout'], []]);
});

test('every other rendition is reported, with a part number that hls.js can read', async () => {
  const { of, video, v360, audio } = broadcast();
  video.group(1);
  v360.group(1);
  v360.part(2);
  audio.group(1);
  audio.part(2);
  audio.part(2);
  await settled();
  expect(text(of('video')).split('\n').slice(-3)).toEqual([
    '#EXT-X-RENDITION-REPORT:URI="../v360/index.m3u8",LAST-MSN=1,LAST-PART=4',
    '#EXT-X-RENDITION-REPORT:URI="../audio/index.m3u8",LAST-MSN=2,LAST-PART=1',
    '',
  ]);
});

test('a rung that the ladder no longer names goes on as gaps in step, and returns', async () => {
  const { window, of, video, v360 } = broadcast();
  video.groups(1, 2);
  v360.groups(1, 2);
  v360.part(3);
  await settled();
  window.ladder = testLadder(testRenditions.filter(({ track }) => track !== 'v360'), { revision: 2 });
  const waiter = new TestWaiter();
  of('v360').awaitPlaylist({ msn: 4, part: undefined, skip: false }, waiter);
  video.groups(3, 4);
  await settled();
  expect(of('v360').window.listed.map(({ group, gap }) => [group, gap])).toEqual([[1, false], [2, false], [3, true], [4, true]]);
  expect(waiter.text).toContain('#EXT-X-GAP\n#EXTINF:1.00000,\n4.m4s\n');
  expect(window.master()?.bytes.toString()).not.toContain('v360');
  window.ladder = testLadder(testRenditions, { revision: 3 });
  v360.group(5);
  expect(of('v360').window.last).toMatchObject({ group: 5, gap: false });
  expect(window.master()?.bytes.toString()).toContain('v360');
});

test('a rung that stays away becomes gaps after three target durations, so that it never stalls', async () => {
  const { of, video, v360 } = broadcast();
  v360.group(1);
  video.groups(1, 7);
  await settled();
  expect(of('v360').window.last?.group).toBe(1);
  video.group(8);
  await settled();
  expect(of('v360').window.last).toMatchObject({ group: 2, gap: true });
});

test('a rung that lost the end of an epoch is joined to the next by gaps, one discontinuity in all', async () => {
  const { of, video, v360 } = broadcast();
  v360.groups(1, 2);
  video.groups(1, 4);
  video.group(5, { epoch: 1 });
  v360.group(5, { epoch: 1 });
  await settled();
  expect(of('v360').window.listed.map(({ group, epoch, gap }) => [group, epoch, gap])).toEqual([[1, 0, false], [2, 0, false], [3, 0, true], [4, 0, true], [5, 1, false]]);
  expect(text(of('v360')).match(/#EXT-X-DISCONTINUITY\n/g)).toHaveLength(1);
});

test('an interrupted broadcast keeps its playlist as it is', async () => {
  const { window, of, video } = broadcast();
  video.group(1);
  video.part(2);
  await settled();
  const before = text(of('video'));
  window.info = { ...info, state: 'interrupted', graceEnds: later(ORIGIN, millis(30_000)) };
  await settled();
  expect(text(of('video'))).toBe(before);
});

test('PART-TARGET is the largest of the epochs that are listed', async () => {
  const { window, of, video } = broadcast(2);
  video.group(1);
  window.ladder = testLadder(testRenditions, { epoch: 1, revision: 2, partTarget: millis(209) });
  await settled();
  expect(text(of('video'))).toContain('PART-HOLD-BACK=0.418,');
  window.ladder = testLadder(testRenditions, { epoch: 2, revision: 3, partTarget: millis(180) });
  await settled();
  expect(text(of('video'))).toContain('PART-TARGET=0.209\n');
  video.groups(900, 940, { epoch: 2 });
  await settled();
  expect(text(of('video'))).toContain('PART-TARGET=0.18\n');
});

test('the multivariant playlist says INDEPENDENT-SEGMENTS until a segment begins without a key frame', () => {
  const { window } = broadcast();
  expect(window.master()?.bytes.toString()).toContain('#EXT-X-INDEPENDENT-SEGMENTS\n');
  window.dependentSegmentSeen();
  expect(window.master()?.bytes.toString()).not.toContain('INDEPENDENT-SEGMENTS');
});

test('who asks before the ladder is known is told when it is', () => {
  const window = new BroadcastWindow(info, { listed: millis(30_000), maxBytesPerTrack: 1024, partHoldBack: 3 });
  expect([window.master(), window.hasLadder]).toEqual([undefined, false]);
  const waiter = new TestWaiter();
  window.awaitLadder(waiter);
  window.ladder = testLadder();
  expect(waiter.outcomes).toEqual(['arrived']);
  expect(window.master()?.bytes.toString()).toContain('#EXT-X-STREAM-INF');
});
