import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import { connectNats, type NatsBus } from '#core/bus/nats/connect.ts';
import { startNatsServer, type TestNatsServer } from '#core/bus/nats/testing/nats-server.ts';
import { Nodes } from '#core/placement/nodes.ts';
import type { Frame } from '#core/media/frame.ts';
import { trackName } from '#core/media/track.ts';
import { expectDecodes } from './decoding.ts';
import { expectSameCut, expectTiled, lastPts } from './expectations.ts';
import { Harness, isAlive } from './harness.ts';
import { testLog } from './settings.ts';
import { withSound } from './sound.ts';
import { makeSource, type MadeSource } from './source.ts';

const TRANSCODER = new URL('transcoder-process.ts', import.meta.url).pathname;
const ENCODED = [trackName('v144'), trackName('v96'), trackName('opus')];

let nats: TestNatsServer;
let bus: NatsBus;
let nodes: Nodes;
let harness: Harness;
const children: ChildProcess[] = [];

beforeAll(async () => {
  nats = await startNatsServer();
});

afterAll(() => nats.stop());

afterEach(async () => {
  children.splice(0).forEach((child) => child.kill('SIGKILL'));
  nodes.close();
  await harness.close();
  await nats.restart({ wipe: true });
});

test('kill -9 of a transcoder: another goes on within 5 s, in whole groups that nobody has begun', async () => {
  const made = await source(12);
  const { first, writing } = await twoProcesses(made);
  await harness.reached(begin(made) + 250_000);
  const before = harness.ladders.at(-1);
  first.kill('SIGKILL');
  const seconds = await secondsUntilResumed();
  await writing;
  harness.announce('interrupted');
  await harness.reached(lastPts(made) - 9000);
  expect(seconds).toBeLessThan(5);
  expect(harness.ladders.at(-1)).toMatchObject({ partTarget: before?.partTarget, revision: (before?.revision ?? NaN) + 1 });
  expect(harness.ladders.at(-1)?.fence).toBeGreaterThan(before?.fence ?? Infinity);
  await expectTakenOver();
});

test('a transcoder that was stopped, and goes on when another has its broadcast, gives out nothing, and its encoders end', async () => {
  const made = await source(13);
  const { first, writing } = await twoProcesses(made);
  await harness.reached(begin(made) + 250_000);
  const fence = harness.ladders.at(-1)?.fence;
  first.kill('SIGSTOP');
  const stoppedAt = performance.now();
  const encoders = await childrenOf(first.pid ?? 0);
  expect(encoders.length).toBe(2);
  const seconds = await secondsUntilResumed();
  await harness.reached(begin(made) + 250_000 + ((performance.now() - stoppedAt) / 1000) * 90_000 - 45_000);
  const successor = harness.ladders.at(-1);
  first.kill('SIGCONT');
  await expect.poll(() => encoders.some(isAlive), { interval: 20 }).toBe(false);
  await expect.poll(() => nodes.get('first')?.transcode?.broadcasts, { interval: 20 }).toBe(0);
  await writing;
  harness.announce('interrupted');
  await harness.reached(lastPts(made) - 9000);
  expect(seconds).toBeLessThan(5);
  expect(successor?.fence).toBeGreaterThan(fence ?? Infinity);
  expect(harness.ladders.at(-1)).toEqual(successor);
  await expectTakenOver();
});

test('SIGTERM hands over at a group: every group is whole, and none comes twice', async () => {
  const made = await source(9);
  const { first, writing } = await twoProcesses(made);
  await harness.reached(begin(made) + 150_000);
  first.kill('SIGTERM');
  const [code] = (await once(first, 'exit')) as [number];
  await writing;
  harness.announce('interrupted');
  await harness.reached(lastPts(made) - 9000);
  expect(code).toBe(0);
  const picture = { ...made, frames: made.frames.filter(({ track }) => track === trackName('video')) };
  for (const track of ENCODED) {
    const frames = harness.outputs.get(track) ?? [];
    expectTiled(frames);
    expect(new Set(frames.map(({ fence }) => fence)).size).toBe(2);
    if (track !== trackName('opus')) {
      expectSameCut(picture, frames);
      await expectDecodes(frames);
    }
  }
});

test.each([
  { name: 'with what it knew', wipe: false },
  { name: 'with everything forgotten', wipe: true },
])('NATS is restarted $name: it goes on, in whole groups, and none is of two transcoders', async ({ wipe }) => {
  const made = await source(14);
  const { writing } = await twoProcesses(made);
  await harness.reached(begin(made) + 200_000);
  await nats.restart({ wipe });
  await harness.reached(begin(made) + 900_000);
  await writing;
  harness.announce('interrupted');
  await harness.reached(lastPts(made) - 9000);
  for (const track of ENCODED) {
    const frames = harness.outputs.get(track) ?? [];
    const fences = Map.groupBy(frames, ({ fence }) => fence);
    const groups = [...fences.values()].map((of) => new Set(of.map(({ group }) => group)));
    // Whoever goes on, no group is of two, and from the last one's first frame on nothing is missing.
    expect(groups.reduce((sum, { size }) => sum + size, 0)).toBe(new Set(frames.map(({ group }) => group)).size);
    const late = [...fences.values()].at(-1) ?? [];
    expectTiled(late);
    expect(late.at(-1)?.group).toBe(made.frames.at(-1)?.group);
    expect(late.length).toBeGreaterThan(frames.length / 2);
  }
});

async function source(seconds: number): Promise<MadeSource> {
  return withSound(await makeSource({ rate: '30', seconds, x264: ['-g', '30', '-bf', '0', '-sc_threshold', '0'], grouping: 'source' }), { codec: 'aac', rate: 44_100 });
}

/** Two transcoders, of which the first has the broadcast, and a source that is being sent. */
async function twoProcesses(made: MadeSource): Promise<{ readonly first: ChildProcess; readonly writing: Promise<void> }> {
  bus = await connectNats({ url: nats.url, node: 'source', log: testLog });
  nodes = new Nodes(bus);
  harness = await Harness.open(bus);
  const first = await transcoder('first');
  await harness.begin(made);
  await expect.poll(() => nodes.get('first')?.transcode?.broadcasts).toBe(1);
  await transcoder('second');
  return { first, writing: harness.pace(made.frames, 1) };
}

async function transcoder(node: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [TRANSCODER, nats.url, node], { stdio: ['ignore', 'inherit', 'inherit'] });
  children.push(child);
  await expect.poll(() => nodes.get(node)?.transcode).toBeDefined();
  return child;
}

/** Seconds until a frame of another transcoder has come in every encoded track. */
async function secondsUntilResumed(): Promise<number> {
  const begin = performance.now();
  const fence = harness.ladders.at(-1)?.fence ?? Infinity;
  for (const track of ENCODED) {
    await expect.poll(() => harness.outputs.get(track)?.at(-1)?.fence ?? 0, { interval: 10 }).toBeGreaterThan(fence);
  }
  const seconds = (performance.now() - begin) / 1000;
  testLog.info({ seconds }, 'resumed');
  return seconds;
}

async function expectTakenOver(): Promise<void> {
  for (const track of ENCODED) {
    const frames = harness.outputs.get(track) ?? [];
    const fence = frames[0]?.fence;
    const [early, late] = [frames.filter((frame) => frame.fence === fence), frames.filter((frame) => frame.fence !== fence)];
    expectTiled(late);
    expect(late[0]?.group).toBeGreaterThan(early.at(-1)?.group ?? Infinity);
    expect(frames.indexOf(late[0] as Frame)).toBe(early.length);
    if (track !== trackName('opus')) {
      await expectDecodes(frames);
    }
  }
}

async function childrenOf(pid: number): Promise<number[]> {
  const { stdout } = spawn('ps', ['-o', 'pid=', '--ppid', String(pid)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const chunks: Buffer[] = [];
  for await (const chunk of stdout) {
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString().split('\n').filter(Boolean).map(Number);
}

function begin({ frames }: MadeSource): number {
  return frames.find(({ track }) => track === trackName('video'))?.pts ?? 0;
}
