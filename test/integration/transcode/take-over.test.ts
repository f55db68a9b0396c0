import { afterEach, describe, expect, test } from 'vitest';

import { millis } from '#core/media/time.ts';
import type { Frame } from '#core/media/frame.ts';
import { trackName } from '#core/media/track.ts';
import { expectDecodes } from './decoding.ts';
import { expectSameCut, expectTiled, lastPts } from './expectations.ts';
import { byGroup, Harness, isAlive, type Member } from './harness.ts';
import { expectInSync, withSound } from './sound.ts';
import { BROADCAST, groupStarts, makeSource, type MadeSource, type SourceSpec } from './source.ts';

const LADDER = [
  { height: 144, bitrate: 200_000 },
  { height: 96, bitrate: 100_000 },
];
const OPUS = trackName('opus');
const ENCODED = [trackName('v144'), trackName('v96'), OPUS];

let harness: Harness | undefined;

afterEach(async () => {
  await harness?.close();
  harness = undefined;
});

const sources: readonly { readonly name: string; readonly spec: SourceSpec }[] = [
  { name: 'a key frame each second', spec: { rate: '30', seconds: 11, x264: ['-g', '30', '-bf', '0', '-sc_threshold', '0'], grouping: 'source' } },
  { name: 'B-frames at 59.94 fps, a rung of half the rate', spec: { rate: '60000/1001', seconds: 11, x264: ['-g', '71', '-bf', '2', '-sc_threshold', '0'], grouping: 'source', startsAt: 955_555 } },
  { name: 'the grid, one key frame in 4 s', spec: { rate: '30000/1001', seconds: 11, x264: ['-g', '120', '-bf', '0', '-sc_threshold', '0'], grouping: 'grid', startsAt: 900_000 } },
];

describe('when a transcoder dies another goes on behind all that it may have begun', () => {
  test.each(sources)('$name', async ({ spec }) => {
    const made = await withSound(await makeSource(spec), { codec: 'aac', rate: 44_100 });
    const { cluster, first, second } = await twoMachines(made);
    const writing = cluster.pace(made.frames, 1);
    await cluster.reached(begin(made) + 250_000);
    const before = cluster.ladders.at(-1);
    await first.die();
    const diedAt = performance.now();
    const given = new Map(ENCODED.map((track) => [track, cluster.outputs.get(track)?.length ?? 0]));
    for (const track of ENCODED) {
      await expect.poll(() => cluster.outputs.get(track)?.length ?? 0, { interval: 10 }).toBeGreaterThan(given.get(track) ?? 0);
    }
    const resumedAfter = performance.now() - diedAt;
    await writing;
    cluster.announce('interrupted');
    await cluster.reached(lastPts(made) - 9000);
    expect(resumedAfter).toBeLessThan(5000);
    const after = cluster.ladders.at(-1);
    expect(after?.renditions.map(({ track }) => track)).toEqual(before?.renditions.map(({ track }) => track));
    expect(after?.partTarget).toBe(before?.partTarget);
    expect(after?.revision).toBeGreaterThan(before?.revision ?? Infinity);
    expect(after?.fence).toBeGreaterThan(before?.fence ?? Infinity);
    for (const track of ENCODED) {
      const frames = cluster.outputs.get(track) ?? [];
      const [early, late] = byFence(frames);
      expectTiled(late);
      expect(late[0]?.index).toBe(0);
      // No group has frames of both, and few are lost: the one in which the first died, and the one that it had spoken for.
      const lost = (late[0]?.group ?? 0) - (early.at(-1)?.group ?? 0) - 1;
      expect([lost, late[0]!.group > early.at(-1)!.group]).toEqual([1, true]);
      if (track !== OPUS) {
        const starts = groupStarts({ ...made, frames: made.frames.filter((frame) => frame.track === trackName('video')) });
        byGroup(frames).forEach((group, number) => expect(group[0]).toMatchObject({ key: true, index: 0, pts: starts.get(number) }));
        await expectDecodes(frames);
      }
    }
    await expectInSync(soundOf(made), byFence(cluster.outputs.get(OPUS) ?? [])[1], { source: configOf(soundOf(made)), encoded: configOf(cluster.outputs.get(OPUS) ?? []) });
    expect([first.stage.encoders, second.stage.load.broadcasts]).toEqual([[], 1]);
  });
});

test('one that was cut off and comes back writes nothing any more, and its encoders end', async () => {
  const made = await makeSource({ rate: '30', seconds: 11, x264: ['-g', '30', '-bf', '0', '-sc_threshold', '0'], grouping: 'source' });
  const { cluster, first, second } = await twoMachines(made);
  const writing = cluster.pace(made.frames, 1);
  await cluster.reached(begin(made) + 200_000);
  const encoders = first.stage.encoders;
  first.machine.cut();
  await expect.poll(() => second.stage.encoders.length, { interval: 10 }).toBe(1);
  await cluster.reached((cluster.outputs.get(ENCODED[0]!)?.at(-1)?.pts ?? 0) + 60_000);
  // It does not know, and goes on with all that came meanwhile.
  expect([encoders.map(isAlive), first.stage.load.broadcasts]).toEqual([[true], 1]);
  const revision = cluster.ladders.at(-1)?.revision;
  first.machine.rejoin();
  await expect.poll(() => [first.stage.load.broadcasts, first.stage.encoders], { interval: 5 }).toEqual([0, []]);
  expect(encoders.map(isAlive)).toEqual([false]);
  await writing;
  cluster.announce('interrupted');
  await cluster.reached(lastPts(made) - 9000);
  for (const { track } of cluster.encoded) {
    const [, late] = byFence(cluster.outputs.get(track) ?? []);
    expectTiled(late);
    await expectDecodes(cluster.outputs.get(track) ?? []);
  }
  expect(cluster.ladders.at(-1)?.revision).toBe(revision);
});

describe('a broadcast is handed over at a group, without a hole or a double', () => {
  test.each(sources)('$name', async ({ spec }) => {
    const made = told(await withSound(await makeSource({ ...spec, seconds: 8 }), { codec: 'aac', rate: 44_100 }));
    const { cluster, first, second } = await twoMachines(made);
    const writing = cluster.pace(made.frames, 1);
    await cluster.reached(begin(made) + 150_000);
    await first.stage.drain(millis(6000));
    expect([first.stage.load.broadcasts, first.stage.encoders, second.stage.load.broadcasts]).toEqual([0, [], 1]);
    await writing;
    cluster.announce('interrupted');
    await cluster.reached(lastPts(made) - 9000);
    const picture = { ...made, frames: made.frames.filter(({ track }) => track === trackName('video')) };
    const messages = made.frames.flatMap(({ events = [] }) => events.map(({ id }) => id));
    for (const track of ENCODED) {
      const frames = cluster.outputs.get(track) ?? [];
      expectTiled(frames);
      const [early, late] = byFence(frames);
      expect([early.length > 0, late.length > 0]).toEqual([true, true]);
      expect(late[0]).toMatchObject({ index: 0, group: (early.at(-1)?.group ?? 0) + 1 });
      expect(new Set(frames.map(({ fence }) => fence)).size).toBe(2);
      if (track !== OPUS) {
        expectSameCut(picture, frames);
        expect(frames.flatMap(({ events = [] }) => events.map(({ id }) => id))).toEqual(messages);
        await expectDecodes(frames);
      }
    }
    await expectInSync(soundOf(made), cluster.outputs.get(OPUS) ?? [], { source: configOf(soundOf(made)), encoded: configOf(cluster.outputs.get(OPUS) ?? []) });
  });
});

test('while leases and catalogs cannot be reached, what is encoded goes on, and is told of afterwards', async () => {
  const made = await makeSource({ rate: '30', seconds: 7, x264: ['-g', '30', '-bf', '0', '-sc_threshold', '0'], grouping: 'source' });
  harness = await Harness.open();
  const only = await harness.join('only', { ladder: LADDER });
  await harness.begin(made);
  const writing = harness.pace(made.frames, 1);
  await harness.reached(begin(made) + 100_000);
  only.machine.loseControl();
  await harness.reached(begin(made) + 400_000);
  only.machine.regainControl();
  await writing;
  harness.announce('interrupted');
  await harness.reached(lastPts(made) - 9000);
  harness.encoded.forEach(({ track }) => expectSameCut(made, harness?.outputs.get(track) ?? []));
  expect(harness.ladders.map(({ revision }) => revision)).toEqual([1]);
  expect(await harness.bus.shared.get(`transcode/${BROADCAST}`)).toEqual({ epoch: 0, group: (made.frames.at(-1)?.group ?? 0) + 1 });
  harness.announce('ended');
  await expect.poll(() => harness?.bus.shared.get(`transcode/${BROADCAST}`)).toBeUndefined();
});

test('who is to hand over and finds nobody goes on until the limit', async () => {
  const made = await makeSource({ rate: '30', seconds: 5, x264: ['-g', '30', '-bf', '0', '-sc_threshold', '0'], grouping: 'source' });
  harness = await Harness.open();
  const only = await harness.join('only', { ladder: LADDER });
  await harness.begin(made);
  const writing = harness.pace(made.frames, 1);
  await harness.reached(begin(made) + 60_000);
  await only.stage.drain(millis(1500));
  expect(only.stage.encoders.length).toBe(1);
  await writing;
  harness.announce('interrupted');
  await harness.reached(lastPts(made) - 9000);
  harness.encoded.forEach(({ track }) => expectSameCut(made, harness?.outputs.get(track) ?? []));
});

async function twoMachines(made: MadeSource): Promise<{ readonly cluster: Harness; readonly first: Member; readonly second: Member }> {
  const cluster = await Harness.open();
  harness = cluster;
  const options = { ladder: LADDER, webrtcRenditions: 'on' } as const;
  const first = await cluster.join('first', options);
  await cluster.begin(made);
  await expect.poll(() => first.stage.load.broadcasts).toBe(1);
  const second = await cluster.join('second', options);
  return { cluster, first, second };
}

/** A message on every 40th frame of the picture. */
function told(made: MadeSource): MadeSource {
  const frames = made.frames.map((frame, at): Frame =>
    at % 40 === 0 && frame.track === trackName('video') ? { ...frame, events: [{ id: at.toString(16).padStart(32, '0'), type: 'test', pts: frame.pts, data: String(at) }] } : frame,
  );
  return { ...made, frames };
}

function begin({ frames }: MadeSource): number {
  return frames.find(({ track }) => track === trackName('video'))?.pts ?? 0;
}

function soundOf({ frames }: MadeSource): readonly Frame[] {
  return frames.filter(({ track }) => track === trackName('audio'));
}

function configOf(frames: readonly Frame[]) {
  const config = frames[0]?.head?.config;
  if (config?.kind !== 'audio') {
    throw new Error('no sound');
  }
  return config;
}

/** The frames of the first transcoder, and of the second. */
function byFence(frames: readonly Frame[]): readonly [readonly Frame[], readonly Frame[]] {
  const fence = frames[0]?.fence;
  return [frames.filter((frame) => frame.fence === fence), frames.filter((frame) => frame.fence !== fence)];
}
