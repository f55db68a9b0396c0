import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest';
import type { Frame } from '#core/media/frame.ts';
import { loadTracks, type VectorName } from '#test/vectors/load.ts';
import { Packager } from './packager.ts';
import { messageAt, PackagerLog, videoGroup } from './testing/frames.ts';

const vectors: readonly VectorName[] = ['source-30', 'source-29.97'];
const recorded = vectors.flatMap((vector) => [...loadTracks(vector)].map(([track, frames]) => ({ name: `${vector} ${track}`, frames: withMessages(frames) })));

/** 150 s of a broadcast with three epochs; the last one begins far above the one before. */
const madeUp: readonly Frame[] = [
  ...Array.from({ length: 60 }, (_, n) => videoGroup(100 + n)),
  ...Array.from({ length: 40 }, (_, n) => videoGroup(160 + n, { epoch: 1, fence: 2 }, 24 + (n % 7))),
  ...Array.from({ length: 50 }, (_, n) => videoGroup(900 + n, { epoch: 2, fence: 3 })),
].flat();

/** One frame in nine carries a message, one in 27 three. */
function withMessages(frames: readonly Frame[]): readonly Frame[] {
  const scale = frames[0]?.head?.config.timescale;
  return frames.map((frame, at) => {
    const count = at % 9 !== 4 ? 0 : at % 27 === 4 ? 3 : 1;
    return count === 0 ? frame : { ...frame, events: Array.from({ length: count }, (_, n) => messageAt(frame, at * 4 + n, scale)) };
  });
}

type Hashes = ReadonlyMap<string, string>;

function hashesOf(log: PackagerLog): Hashes {
  return new Map([...log.urls()].map(([url, bytes]) => [url, createHash('sha256').update(bytes).digest('hex')]));
}

function packagedHashes(frames: readonly Frame[]): Hashes {
  const log = new PackagerLog();
  const packager = new Packager(log);
  frames.forEach((frame) => packager.push(frame));
  packager.finish();
  return hashesOf(log);
}

const secondsOf = (frame: Frame, first: Frame): number => (frame.dts - first.dts) / (first.head?.config.timescale ?? Number.NaN);

describe('two packagers of one track, the second started seven seconds later', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'] });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it.each(recorded)('give equal bytes for every URL they have in common: $name', ({ frames }) => {
    const first = frames[0] as Frame;
    vi.setSystemTime(1_790_000_000_000);
    const one = packagedHashes(frames);
    vi.setSystemTime(1_790_000_007_000);
    const heard = frames.filter((frame) => secondsOf(frame, first) >= 7);
    const two = packagedHashes(heard);
    const groups = new Set(heard.filter((frame) => frame.index === 0).map((frame) => frame.group));
    expect(groups.size).toBeGreaterThan(0);
    // All that the second one gives out is in common, and it gives out everything of the groups that it saw begin.
    const common = [...one].filter(([url]) => url.startsWith('init-') || groups.has(Number(url.split('.')[0])));
    expect([...two].sort()).toEqual(common.sort());
    expect(common.length).toBeGreaterThan(10);
  });
});

test('the hashes above are of messages too', () => {
  const frames = videoGroup(100).concat(videoGroup(101));
  const other = withMessages(frames).map((frame) => (frame.events === undefined ? frame : { ...frame, events: frame.events.map((event) => ({ ...event, data: `${event.data} ` })) }));
  expect(packagedHashes(withMessages(frames)).get('100.m4s')).not.toBe(packagedHashes(other).get('100.m4s'));
});

describe('whatever happens to the frames on their way', () => {
  const sources = [...recorded, { name: 'three epochs', frames: withMessages(madeUp) }];

  it.each(sources)('no URL ever has other bytes: $name', ({ frames }) => {
    const reference = packagedHashes(frames);
    let whole = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const { hashes, log } = mishandled(frames, seed);
      for (const [url, hash] of hashes) {
        expect(hash, `${url}, seed ${seed}`).toBe(reference.get(url));
      }
      expectOneEndPerGroup(log);
      whole += hashes.size / reference.size;
    }
    // The test would prove nothing if hardly anything came out.
    expect(whole / 60).toBeGreaterThan(0.3);
  });
});

/** Each group of an epoch ends once, by its segment or in a gap, in order and without a hole. */
function expectOneEndPerGroup(log: PackagerLog): void {
  let last: { readonly epoch: number; readonly group: number } | undefined;
  for (const line of log.lines) {
    const gap = /^gap (\d+): (\d+)\.\.(\d+)$/.exec(line);
    const segment = /^segment (\d+)$/.exec(line);
    if (gap === null && segment === null) {
      continue;
    }
    const from = Number(gap?.[2] ?? segment?.[1]);
    const to = Number(gap?.[3] ?? segment?.[1]);
    const epoch = gap === null ? (log.segments.get(to)?.epoch ?? -1) : Number(gap[1]);
    if (last?.epoch === epoch) {
      expect(from, line).toBe(last.group + 1);
    } else if (last !== undefined) {
      expect(epoch).toBeGreaterThan(last.epoch);
    }
    last = { epoch, group: to };
  }
}

/**
 * Pushes frames with random faults: a late start, an early end, single frames and runs lost, doubles, old runs again,
 * frames of fences that were replaced. A loss that the frames around it do not show is told by `cut`, as the bus's consumer tells it;
 * the others need not be.
 */
function mishandled(frames: readonly Frame[], seed: number): { hashes: Hashes; log: PackagerLog } {
  const random = xorshift(seed);
  const chance = (probability: number): boolean => random() < probability;
  const log = new PackagerLog();
  const packager = new Packager(log);
  const start = Math.floor((random() * frames.length) / 4);
  const end = frames.length - Math.floor((random() * frames.length) / 4);
  for (let at = start; at < end; at++) {
    const frame = frames[at] as Frame;
    if (chance(0.004)) {
      const lost = 1 + Math.floor(random() ** 3 * 90);
      const next = frames[at + lost];
      const before = frames[at - 1];
      const seemsWhole = next === undefined || (next.index === 0 && (next.group === (before?.group ?? 0) + 1 || next.epoch !== frame.epoch));
      if (seemsWhole || chance(0.5)) {
        packager.cut();
      }
      at += lost - 1;
      continue;
    }
    packager.push(frame);
    if (chance(0.02)) {
      packager.push(frame);
    }
    if (chance(0.005)) {
      frames.slice(Math.max(start, at - 50), at).forEach((old) => packager.push(old));
    }
    if (chance(0.01)) {
      const next = frames[at + 1] ?? frame;
      packager.push({ ...next, fence: frame.fence - 1, data: Uint8Array.of(0xba, 0xad) });
    }
  }
  // Cut off in the middle, a packager does not finish: its broadcast goes on elsewhere.
  if (end === frames.length) {
    packager.finish();
  }
  return { hashes: hashesOf(log), log };
}

function xorshift(seed: number): () => number {
  let state = seed * 2_654_435_761;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
