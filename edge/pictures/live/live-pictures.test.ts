import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { broadcastId } from '#core/media/frame.ts';
import { later, millis, type WallTime } from '#core/media/time.ts';
import { trackName } from '#core/media/track.ts';
import { MillraceError } from '#core/runtime/errors.ts';

import { videoConfig } from '../../cmaf/testing/frames.ts';
import { Packager } from '../../cmaf/packager.ts';
import { Directory } from '../../llhls/directory.ts';
import { testLadder, testRendition } from '../../llhls/testing/broadcast.ts';
import { audioConfig } from '../../llhls/testing/feed.ts';
import type { Picture } from '../picture.ts';
import { FakeDecoder } from '../testing/fake-decoder.ts';
import { INFO, seconds } from '../testing/kept.ts';
import { LivePictures } from './live-pictures.ts';

const big = testRendition('video', videoConfig, 2_000_000);
const smallConfig = { ...videoConfig, width: 320, height: 180 };
const small = testRendition('v360', smallConfig, 700_000);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A stream of two renditions that gets a key frame each second, when the test says so. */
function onAir({ renditions = [big, small] } = {}) {
  let now: WallTime = INFO.startedAt;
  const clock = () => now;
  const directory = new Directory({ clock, listed: millis(30_000), maxBytesPerTrack: 1e7, partHoldBack: 2.5, knownStreams: () => ['quiet'] });
  const decoder = new FakeDecoder(() => now - INFO.startedAt);
  const failures: unknown[] = [];
  const pictures = new LivePictures({ directory, decoder, clock, failed: (error) => failures.push(error) });
  let group = 0;
  const window = directory.announce(INFO);
  window.ladder = testLadder(renditions);
  return {
    pictures, decoder, failures, directory,
    /** The next second of media in each rendition. */
    second(tracks = renditions.map(({ track }) => track)): void {
      for (const [name, { window: track }] of directory.current('demo')?.renditions ?? []) {
        if (tracks.includes(name)) {
          const packager = new Packager(track);
          seconds(group, group, { track: name, config: name === 'video' ? videoConfig : smallConfig }).forEach((frame) => packager.push(frame));
          packager.finish();
        }
      }
      group++;
    },
    /** So many milliseconds pass. */
    pass: async (time: number): Promise<void> => {
      for (let left = time; left > 0; left -= 100) {
        now = later(now, millis(Math.min(100, left)));
        await vi.advanceTimersByTimeAsync(Math.min(100, left));
      }
    },
    end: (): void => void directory.announce({ ...INFO, state: 'ended' }),
  };
}

/** What an answer is, in short. */
const told = (answer: Picture | string): string => (typeof answer === 'string' ? answer : answer.bytes.toString());

test('nothing is decoded while nobody asks', async () => {
  const stream = onAir();
  for (let i = 0; i < 30; i++) {
    stream.second();
    await stream.pass(1000);
  }
  expect(stream.decoder.wishes).toEqual([]);
});

test('the first to ask wait for one decode together', async () => {
  const stream = onAir();
  stream.second();
  stream.decoder.hold();
  const answers = Array.from({ length: 50 }, () => stream.pictures.get('demo', 'poster'));
  await stream.pass(500);
  stream.decoder.release();
  expect((await Promise.all(answers)).map(told)).toEqual(Array.from({ length: 50 }, () => 'picture 1'));
  expect(stream.decoder.wishes).toHaveLength(1);
});

test('a poster is of the best rendition, a thumbnail of the smallest and at most 320 wide', async () => {
  const stream = onAir();
  stream.second();
  await stream.pictures.get('demo', 'poster');
  await stream.pictures.get('demo', 'thumbnail');
  expect(stream.decoder.wishes.map(({ kind, shape }) => [kind, shape])).toEqual([['poster', { kind: 'single', maxWidth: 1280 }], ['thumbnail', { kind: 'single', maxWidth: 320 }]]);
  expect(stream.decoder.fed.map(([frame]) => frame?.config.width)).toEqual([640, 320]);
});

test('under fifty requests a second one decode begins each 5 s, of the newest key frame, and meanwhile the newest picture is given', async () => {
  const stream = onAir();
  const given = new Set<string>();
  for (let request = 0; request < 50 * 16; request++) {
    if (request % 50 === 0) {
      stream.second();
    }
    given.add(told(await stream.pictures.get('demo', 'thumbnail')));
    await stream.pass(20);
  }
  expect(stream.decoder.times).toEqual([0, 5000, 10_000, 15_000]);
  expect([...given]).toEqual(['picture 1', 'picture 2', 'picture 3', 'picture 4']);
  expect(stream.decoder.fed.map(([frame]) => frame?.data[4])).toEqual([0, 5, 10, 15]);
});

test('while the publisher is gone for a moment the last key frame is not decoded again', async () => {
  const stream = onAir();
  stream.second();
  for (let i = 0; i < 4; i++) {
    expect(told(await stream.pictures.get('demo', 'poster'))).toBe('picture 1');
    await stream.pass(6000);
  }
  expect(stream.decoder.wishes).toHaveLength(1);
});

test('after a while in which nobody asked, the old picture is not given where a new one is made in time', async () => {
  const stream = onAir();
  stream.second();
  expect(told(await stream.pictures.get('demo', 'poster'))).toBe('picture 1');
  await stream.pass(60_000);
  stream.second();
  expect(told(await stream.pictures.get('demo', 'poster'))).toBe('picture 2');
  await stream.pass(60_000);
  stream.second();
  stream.decoder.hold();
  const late = stream.pictures.get('demo', 'poster');
  await stream.pass(2900);
  const answered = vi.fn();
  void late.then(answered);
  await stream.pass(1);
  expect(answered).not.toHaveBeenCalled();
  await stream.pass(200);
  expect(told(await late)).toBe('picture 2');
  stream.decoder.release();
});

test('who asks before the first key frame waits for it, 3 s at most', async () => {
  const stream = onAir();
  const [early, patient] = [stream.pictures.get('demo', 'poster'), stream.pictures.get('demo', 'thumbnail')];
  await stream.pass(2000);
  stream.second();
  await stream.pass(300);
  expect(told(await early)).toBe('picture 1');
  expect(told(await patient)).toBe('picture 2');
  const black = onAir();
  const never = black.pictures.get('demo', 'poster');
  await black.pass(3200);
  expect(await never).toBe('late');
});

test('when the server stops nobody is made to wait any more', async () => {
  const stream = onAir();
  const waiting = stream.pictures.get('demo', 'poster');
  stream.pictures.stop();
  await stream.pass(300);
  expect(await waiting).toBe('late');
});

test('off air the last picture is given for a minute, then that the stream is off air', async () => {
  const stream = onAir();
  stream.second();
  await stream.pictures.get('demo', 'poster');
  stream.end();
  await stream.pass(59_000);
  expect(told(await stream.pictures.get('demo', 'poster'))).toBe('picture 1');
  await stream.pass(1000);
  expect(await stream.pictures.get('demo', 'poster')).toBe('offline');
  expect(stream.pictures.size).toBe(0);
});

test('a new broadcast is not given the picture of the one before', async () => {
  const stream = onAir();
  stream.second();
  await stream.pictures.get('demo', 'poster');
  stream.end();
  const next = stream.directory.announce({ ...INFO, broadcast: broadcastId('testtest2') });
  next.ladder = testLadder([big]);
  const asked = stream.pictures.get('demo', 'poster');
  await stream.pass(1000);
  const packager = new Packager(next.renditions.get(big.track)!.window);
  seconds(500, 500, { track: 'video' }).forEach((frame) => packager.push(frame));
  packager.finish();
  await stream.pass(6000);
  expect(['picture 1', 'picture 2']).toContain(told(await asked));
  expect(told(await stream.pictures.get('demo', 'poster'))).toBe('picture 2');
});

test.each([
  ['known and never on air', 'quiet', 'offline'],
  ['not known', 'nobody', 'unknown'],
])('a stream that is %s has no picture', async (_what, stream, expected) => {
  expect(await onAir().pictures.get(stream, 'poster')).toBe(expected);
});

test('sound alone has no picture, and nobody waits for one', async () => {
  expect(await onAir({ renditions: [testRendition('audio', audioConfig, 128_000)] }).pictures.get('demo', 'poster')).toBe('none');
  expect(await onAir({ renditions: [{ ...big, faces: ['webrtc'] }] }).pictures.get('demo', 'poster')).toBe('none');
});

test('a frame that cannot be decoded leaves the old picture; the next try, 5 s later, takes another rendition', async () => {
  const stream = onAir();
  stream.second();
  await stream.pictures.get('demo', 'poster');
  await stream.pass(5000);
  stream.second();
  stream.decoder.faults.push(new MillraceError('pictures/undecodable', 'no'));
  for (let i = 0; i < 10; i++) {
    expect(told(await stream.pictures.get('demo', 'poster'))).toBe('picture 1');
    await stream.pass(400);
  }
  expect(stream.failures).toHaveLength(1);
  expect(stream.decoder.wishes).toHaveLength(2);
  stream.second([trackName('v360')]);
  await stream.pass(1000);
  await stream.pictures.get('demo', 'poster');
  expect(told(await stream.pictures.get('demo', 'poster'))).toBe('picture 3');
  // The best rendition still has the frame that failed; only the small one has the third second.
  expect(stream.decoder.fed.map(([frame]) => frame?.data[4])).toEqual([0, 1, 2]);
});

test('where every try fails the answer is that it is late, and no more is tried than one each 5 s', async () => {
  const stream = onAir({ renditions: [big] });
  stream.decoder.faults.push(...Array.from({ length: 100 }, () => new MillraceError('pictures/undecodable', 'no')));
  for (let second = 0; second < 20; second++) {
    stream.second();
    void stream.pictures.get('demo', 'poster');
    await stream.pass(1000);
  }
  const { times } = stream.decoder;
  expect(times.length).toBeGreaterThan(2);
  expect(times.slice(1).map((at, index) => at - (times[index] ?? at)).filter((between) => between < 5000)).toEqual([]);
  const last = stream.pictures.get('demo', 'poster');
  await stream.pass(3200);
  expect(await last).toBe('late');
});

test('no more than 2000 requests wait', async () => {
  const stream = onAir();
  const waiting = Array.from({ length: 2000 }, () => stream.pictures.get('demo', 'poster'));
  expect(await stream.pictures.get('demo', 'poster')).toBe('busy');
  await stream.pass(3500);
  expect(new Set(await Promise.all(waiting))).toEqual(new Set(['late']));
  const again = stream.pictures.get('demo', 'poster');
  stream.second();
  await stream.pass(400);
  expect(told(await again)).toBe('picture 1');
});

