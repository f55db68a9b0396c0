import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import type { Bus } from '#core/bus/bus.ts';
import { createLocalBus } from '#core/bus/local/local-bus.ts';

import { testEdge, until } from '../http/testing/edge.ts';
import { TestStream, TRACK_PATH } from '../http/testing/stream.ts';
import { edgeNode } from './testing/nodes.ts';

let folder: string;
let bus: Bus;
const closers: (() => Promise<void>)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-rewind-'));
  bus = createLocalBus();
});

afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
  await bus.close();
  await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
});

const nodes = { list: () => [edgeNode('keeper', { url: 'http://keeper.example:8080' }), edgeNode('plain'), edgeNode('heir')] };

/** Two edges on one bus: one keeps broadcasts on disk, the other nothing. */
async function two() {
  const keeper = await testEdge({ rewindWindow: 60, recording: true, dataDir: folder, recordingDays: 0 }, { bus, node: 'keeper', nodes, follow: 'watched' });
  const plain = await testEdge({ rewindWindow: 60, recording: true, dataDir: '/nonexistent' }, { bus, node: 'plain', nodes, follow: 'watched', archives: false });
  closers.push(() => keeper.edge.close(), () => plain.edge.close());
  return { keeper, plain };
}

test('who goes back in time at an edge that keeps nothing is sent to the one that does, once', async () => {
  const { keeper, plain } = await two();
  const stream = new TestStream(bus);
  stream.parts(5 * 4);
  await until(async () => (await keeper.get(`${TRACK_PATH}/rewind.m3u8`)).status === 200);
  await until(async () => (await plain.get('/live/demo/rewind.m3u8')).status === 307);
  const answer = await plain.get('/live/demo/~token/rewind.m3u8?x=1');
  expect([answer.status, answer.headers.location]).toEqual([307, 'http://keeper.example:8080/live/demo/~token/rewind.m3u8?x=1&via=plain']);
  expect(answer.headers['access-control-allow-origin']).toBe('*');
  expect((await plain.get('/live/demo/testbroadcast/storyboard.vtt')).headers.location).toBe('http://keeper.example:8080/live/demo/testbroadcast/storyboard.vtt?via=plain');
  expect((await plain.get(`${TRACK_PATH}/rewind.m3u8?via=keeper`)).status).toBe(404);
  // A segment that has left the window here, or never was in it.
  expect((await plain.get(`${TRACK_PATH}/50.m4s`)).headers.location).toBe(`http://keeper.example:8080${TRACK_PATH}/50.m4s?via=plain`);
  expect((await keeper.get(`${TRACK_PATH}/50.m4s`)).status).toBe(404);
});

test('an edge that keeps a broadcast follows it although nobody watches; recordings are asked for by its name', async () => {
  const { keeper, plain } = await two();
  expect([keeper.edge.load.archive, plain.edge.load.archive]).toEqual([true, false]);
  const stream = new TestStream(bus);
  stream.parts(5 * 4);
  await until(async () => (await keeper.get(`${TRACK_PATH}/rewind.m3u8`)).status === 200);
  const listed = await bus.request('recordings/keeper', { do: 'list' });
  expect(listed).toMatchObject({ recordings: [{ id: 'testbroadcast', state: 'recording' }] });
  await expect(bus.request('recordings/plain', { do: 'list' })).rejects.toMatchObject({ code: 'bus/unserved' });
  await expect(bus.request('recordings', { do: 'list' })).rejects.toMatchObject({ code: 'bus/unserved' });
});

test('when the keeper is gone another edge goes on with what the bus still has, and viewers are sent there', async () => {
  const { keeper, plain } = await two();
  const heir = await testEdge({ rewindWindow: 60, recording: true, dataDir: join(folder, 'heir'), recordingDays: 0 }, { bus, node: 'heir', nodes, follow: 'watched' });
  closers.push(() => heir.edge.close());
  const stream = new TestStream(bus);
  stream.parts(5 * 12);
  await until(async () => (await keeper.get(`${TRACK_PATH}/rewind.m3u8`)).status === 200);
  await until(async () => (await heir.get('/live/demo/rewind.m3u8')).headers.location?.startsWith('http://keeper.example:8080/') === true);
  await keeper.edge.close();
  await until(async () => (await heir.get(`${TRACK_PATH}/rewind.m3u8`)).status === 200);
  await until(async () => (await plain.get('/live/demo/rewind.m3u8')).headers.location?.startsWith('http://heir.example/') === true);
  const { text } = await heir.get(`${TRACK_PATH}/rewind.m3u8`);
  // Six seconds of backlog, and what comes after.
  expect(text.match(/^\d+\.m4s$/gm)?.[0]).toBe('105.m4s');
  stream.parts(5 * 2);
  await until(async () => (await heir.get(`${TRACK_PATH}/rewind.m3u8`)).text.includes('\n112.m4s'));
  stream.end();
  await until(async () => JSON.stringify(await bus.request('recordings/heir', { do: 'list' })).includes('"finished"'));
}, 15_000);
