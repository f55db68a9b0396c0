import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';

import { connectNats } from '#core/bus/nats/connect.ts';
import type { NatsBus } from '#core/bus/nats/contract.ts';
import { startNatsServer, type TestNatsServer } from '#core/bus/nats/testing/nats-server.ts';
import { createLog } from '#core/runtime/log.ts';
import { makeClip, type Clip } from '#test/support/broadcaster.ts';
import { until } from '#test/support/until.ts';
import { publish, type Encoder } from './encoder.ts';
import { startNode, type IngestNode } from './node.ts';
import { KEY } from './stage.ts';
import { Viewer } from './viewer.ts';

const { log } = createLog({ level: 'silent' });

let clip: Clip;
let server: TestNatsServer;
let folder: string;
let bus: NatsBus;
let viewer: Viewer;
let one: IngestNode;
let two: IngestNode;
const encoders: Encoder[] = [];

beforeAll(async () => {
  [clip, server] = await Promise.all([makeClip({ seconds: 10, size: '320x180', kilobits: 300 }), startNatsServer()]);
});
afterAll(async () => {
  await Promise.all([clip[Symbol.asyncDispose](), server.stop()]);
});

beforeEach(async () => {
  await server.restart({ wipe: true });
  folder = await mkdtemp(join(tmpdir(), 'millrace-ingests-'));
  bus = await connectNats({ url: server.url, node: 'viewer', log });
  viewer = new Viewer(bus);
  [one, two] = await Promise.all(['one', 'two'].map((name) => startNode(server.url, name, join(folder, name)))) as [IngestNode, IngestNode];
});
afterEach(async () => {
  await Promise.all([...encoders.splice(0), one, two].map((process) => process[Symbol.asyncDispose]()));
  await bus.close();
  await rm(folder, { recursive: true, force: true });
});

function send(node: IngestNode, path: string): Encoder {
  const encoder = publish(clip, `rtmp://127.0.0.1:${node.rtmpPort}${path}`);
  encoders.push(encoder);
  return encoder;
}

async function both(): Promise<{ main: Encoder; backup: Encoder }> {
  const main = send(one, `/live/${KEY}`);
  await until('the main on air', () => viewer.of(0).length > 60);
  const backup = send(two, `/live?backup=1/${KEY}`);
  const frames = viewer.video.length;
  await until('some seconds of both', () => viewer.video.length > frames + 150);
  expect(viewer.states).toEqual(['live 0']);
  return { main, backup };
}

test.each(['SIGKILL', 'SIGSTOP'] as const)('the main\'s machine gets %s: the backup on another goes on within two seconds, and what wakes up disturbs nobody', async (signal) => {
  await both();
  one.signal(signal);
  await until('the backup', () => viewer.of(1).length > 60);
  expect(viewer.between(0, 1).wait).toBeLessThan(2.2);
  expect(viewer.between(0, 1).gap).toBeLessThan(2.2);
  if (signal === 'SIGSTOP') {
    one.signal('SIGCONT');
    const frames = viewer.video.length;
    await until('some seconds more', () => viewer.video.length > frames + 90);
    expect(viewer.epochs).toEqual([0, 1]);
  }
  expect(viewer.states.filter((state) => !state.startsWith('interrupted'))).toEqual(['live 0', 'live 1']);
  viewer.expectOneTimeline();
});

test('the main itself is killed: the backup on another machine goes on at once, without a gap in the numbers', async () => {
  const { main } = await both();
  main.signal('SIGKILL');
  await until('the backup', () => viewer.of(1).length > 60);
  expect(viewer.between(0, 1)).toMatchObject({ groups: 0 });
  expect(viewer.between(0, 1).wait).toBeLessThan(0.7);
  viewer.expectOneTimeline();
});

test('a machine dies, and its broadcast waits on another: whoever returns, to whichever, goes on with it', async () => {
  send(one, `/live/${KEY}`);
  await until('the main on air', () => viewer.of(0).length > 60);
  one.signal('SIGKILL');
  const died = performance.now();
  const { at } = await until('the interruption', () => viewer.infos.find(({ state }) => state === 'interrupted'));
  expect(at - died).toBeLessThan(4500);
  send(two, `/live/${KEY}`);
  await until('the return', () => viewer.of(1).length > 30);
  viewer.expectOneTimeline();
});

test('a machine is told to stop: its publisher goes on at another at once', async () => {
  const main = send(one, `/live/${KEY}`);
  await until('the main on air', () => viewer.of(0).length > 60);
  one.signal('SIGTERM');
  await main.ended;
  send(two, `/live/${KEY}`);
  await until('the return', () => viewer.of(1).length > 30);
  expect(viewer.between(0, 1).groups).toBe(0);
  expect(viewer.between(0, 1).wait).toBeLessThan(2.5);
  await one.ended;
  viewer.expectOneTimeline();
});

test('NATS is away: who is live goes on, newcomers are told to try again, and all goes on when it is back', async () => {
  send(one, `/live/${KEY}`);
  await until('the main on air', () => viewer.of(0).length > 60);
  await server.kill();
  await until('the loss to be noticed', () => !bus.connected);
  const newcomer = send(two, `/live/${KEY}`);
  await newcomer.ended;
  expect(newcomer.log()).toContain('Try again in a moment.');
  await server.restart();
  const frames = viewer.video.length;
  await until('frames again', () => viewer.video.length > frames + 60);
  expect(viewer.epochs).toEqual([0]);
  viewer.expectOneTimeline();
});
