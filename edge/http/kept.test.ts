import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { EdgeStage } from '../main.ts';
import { testEdge, until, type getter } from './testing/edge.ts';
import { CONFIG_ID, TestStream, TRACK_PATH } from './testing/stream.ts';

let folder: string;
let edge: EdgeStage;
let get: ReturnType<typeof getter>;
let stream: TestStream;
const early = new Map<string, Buffer>();

/** Fifty seconds, of which memory holds the half. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-kept-'));
  const started = await testEdge({ liveWindow: 12, rewindWindow: 7200, dataDir: folder, archiveMinFreeMegabytes: 0 });
  ({ edge, get } = started);
  stream = new TestStream(started.bus);
  stream.parts(10);
  for (const name of ['100.m4s', '100.0.m4s']) {
    await until(async () => (await get(`${TRACK_PATH}/${name}`)).headers['content-length'] !== undefined);
    early.set(name, (await get(`${TRACK_PATH}/${name}`)).body);
  }
  // Group by group: the bus's queue is as long as a backlog.
  for (let group = 102; group < 150; group++) {
    stream.parts(5);
    await until(async () => (await get(`${TRACK_PATH}/${group}.3.m4s`)).status === 200);
  }
  expect((await get(`${TRACK_PATH}/100.0.m4s`)).status).toBe(404);
});

afterAll(async () => {
  await edge.close();
  await rm(folder, { recursive: true });
});

test('a segment that has left memory is read from disk under its URL: the same bytes, for ever, in ranges too', async () => {
  const whole = early.get('100.m4s') ?? Buffer.alloc(0);
  await until(async () => (await get(`${TRACK_PATH}/100.m4s`)).status === 200);
  const answer = await get(`${TRACK_PATH}/100.m4s`);
  expect([answer.body.equals(whole), answer.headers['content-type'], answer.headers['cache-control']]).toEqual([true, 'video/mp4', 'public, max-age=31536000, immutable']);
  const part = early.get('100.0.m4s') ?? Buffer.alloc(0);
  const range = await get(`${TRACK_PATH}/100.m4s`, { headers: { range: `bytes=0-${part.length - 1}` } });
  expect([range.status, range.body.equals(part)]).toEqual([206, true]);
  expect((await get(`${TRACK_PATH}/init-${CONFIG_ID}.mp4`)).status).toBe(200);
  expect((await get(`${TRACK_PATH}/99.m4s`)).status).toBe(404);
});

test('the manifest lists the whole rewind window', async () => {
  const { text } = await get('/live/demo/manifest.mpd');
  expect(text).toContain('timeShiftBufferDepth="PT7200S"');
  expect(text).toContain('startNumber="100"');
  expect(text).toContain('<SegmentTimeline><S t="0" d="90000" r="50"/></SegmentTimeline>');
});

test('the rewind playlists list what the manifest does', async () => {
  const multivariant = await get('/live/demo/rewind.m3u8');
  expect([multivariant.status, multivariant.text.includes('testbroadcast/video/rewind.m3u8')]).toEqual([200, true]);
  const { text } = await get(`${TRACK_PATH}/rewind.m3u8`);
  expect(text.match(/^\d+\.m4s$/gm)?.slice(0, 2)).toEqual(['100.m4s', '101.m4s']);
});

test('many who read from disk at once all get theirs', async () => {
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => get(`${TRACK_PATH}/${100 + (i % 20)}.m4s`)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
});
