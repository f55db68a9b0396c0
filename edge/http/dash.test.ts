import { request as httpRequest, type ClientRequest } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';

import type { Bus } from '#core/bus/bus.ts';
import { later, millis, wallTime, type WallTime } from '#core/media/time.ts';

import type { EdgeStage } from '../main.ts';
import { testEdge, until, type getter } from './testing/edge.ts';
import { TestStream, TRACK_PATH } from './testing/stream.ts';

const MANIFEST = '/live/demo/manifest.mpd';

let edge: EdgeStage;
let bus: Bus;
let get: ReturnType<typeof getter>;
let stream: TestStream;
let metrics: () => Promise<string>;
const time: { now: WallTime } = { now: wallTime(Date.UTC(2026, 0, 1)) };

beforeEach(async () => {
  time.now = wallTime(Date.UTC(2026, 0, 1));
  const started = await testEdge({ rewindWindow: 0, recording: false }, { clock: () => time.now });
  ({ edge, bus, get } = started);
  metrics = () => started.metrics.metrics();
  stream = new TestStream(bus);
  // Groups 100 to 103 whole, two parts of 104.
  stream.parts(22);
  await until(async () => (await get(`${TRACK_PATH}/104.1.m4s`)).status === 200);
});

afterEach(() => edge.close());

const code = ({ text }: { text: string }): string => (JSON.parse(text) as { code: string }).code;
const waiting = async (): Promise<number> => Number(/^millrace_edge_waiting_requests (\d+)$/m.exec(await metrics())?.[1]);
const groupsOf = (manifest: string): number[] => {
  const first = Number(/startNumber="(\d+)"/.exec(manifest)?.[1]);
  const count = [...manifest.matchAll(/<S [^>]*?(?:r="(\d+)")?\/>/g)].reduce((sum, [, repeat]) => sum + 1 + Number(repeat ?? 0), 0);
  return Array.from({ length: count }, (_, i) => first + i);
};

/** Reads a body as it comes. */
class Reading {
  readonly chunks: Buffer[] = [];
  status = 0;
  headers: Readonly<Record<string, string | string[] | undefined>> = {};
  state: 'open' | 'ended' | 'torn' = 'open';
  readonly #request: ClientRequest;

  constructor(path: string) {
    this.#request = httpRequest({ host: '127.0.0.1', port: edge.httpPort, path, agent: false }, (response) => {
      this.status = response.statusCode ?? 0;
      this.headers = response.headers;
      response.on('data', (chunk: Buffer) => this.chunks.push(chunk));
      response.on('end', () => (this.state = 'ended'));
      response.on('error', () => (this.state = 'torn'));
    });
    this.#request.on('error', () => (this.state = 'torn'));
    this.#request.end();
  }

  get body(): Buffer {
    return Buffer.concat(this.chunks);
  }

  hangUp(): void {
    this.#request.destroy();
  }
}

test('a manifest lists what is there, the group in the making and the one after it', async () => {
  const answer = await get(MANIFEST, { headers: { 'accept-encoding': 'gzip' } });
  expect([answer.status, answer.headers['content-type'], answer.headers['cache-control'], answer.headers['content-encoding'], answer.headers['access-control-allow-origin']]).toEqual([
    200, 'application/dash+xml', 'public, max-age=1', 'gzip', '*',
  ]);
  expect(groupsOf(answer.text)).toEqual([100, 101, 102, 103, 104, 105]);
  expect(answer.text).toContain('<Location>manifest.mpd?broadcast=testbroadcast&amp;after=104</Location>');
  expect(answer.text).toContain('availabilityTimeOffset="0.8"');
});

test('the update that a manifest names is held until a later group has begun', async () => {
  const answer = get(`${MANIFEST}?broadcast=testbroadcast&after=104`);
  await until(async () => (await waiting()) === 1);
  stream.parts(3);
  expect(await waiting()).toBe(1);
  stream.parts(1);
  expect(groupsOf((await answer).text)).toEqual([100, 101, 102, 103, 104, 105, 106]);
  expect((await get(`${MANIFEST}?after=103`)).status).toBe(200);
});

test('an update that does not come within three target durations is answered with the manifest as it is: players count errors', async () => {
  const answer = get(`${MANIFEST}?broadcast=testbroadcast&after=104`);
  await until(async () => (await waiting()) === 1);
  time.now = later(time.now, millis(6000));
  expect([(await answer).status, groupsOf((await answer).text).at(-1)]).toEqual([200, 105]);
});

test('when the broadcast is over, who waits gets a static manifest, and so does who asks for this broadcast later', async () => {
  const answer = get(`${MANIFEST}?broadcast=testbroadcast&after=104`);
  await until(async () => (await waiting()) === 1);
  stream.end();
  expect((await answer).text).toContain('type="static" mediaPresentationDuration="PT4.4S"');
  expect((await get(`${MANIFEST}?broadcast=testbroadcast&after=104`)).text).toContain('type="static"');
  expect(code(await get(MANIFEST))).toBe('offline');
});

test('a segment that grows comes part by part, and is in the end what the whole segment is', async () => {
  const reading = new Reading(`${TRACK_PATH}/104.m4s`);
  const parts = [await get(`${TRACK_PATH}/104.0.m4s`), await get(`${TRACK_PATH}/104.1.m4s`)].map(({ body }) => body);
  await until(() => reading.body.length === Buffer.concat(parts).length);
  expect([reading.status, reading.headers['transfer-encoding'], reading.headers['content-type'], reading.headers['content-length'], reading.headers['cache-control']]).toEqual([
    200, 'chunked', 'video/mp4', undefined, 'public, max-age=31536000, immutable',
  ]);
  expect(await waiting()).toBe(1);
  stream.parts(1);
  await until(async () => reading.body.length > 0 && (await get(`${TRACK_PATH}/104.2.m4s`)).status === 200);
  parts.push((await get(`${TRACK_PATH}/104.2.m4s`)).body);
  await until(() => reading.body.length === Buffer.concat(parts).length);
  expect(reading.state).toBe('open');
  // The last part is whole with the next group's first frame.
  stream.parts(2);
  stream.frames(1);
  await until(() => reading.state === 'ended');
  const whole = await get(`${TRACK_PATH}/104.m4s`);
  expect([whole.headers['content-length'], reading.body.equals(whole.body)]).toEqual([String(whole.body.length), true]);
  expect(await waiting()).toBe(0);
});

test('the parts of LL-HLS are byte ranges of the segments of LL-DASH', async () => {
  stream.parts(3);
  stream.frames(1);
  await until(async () => (await get(`${TRACK_PATH}/104.m4s`)).headers['content-length'] !== undefined);
  for (const group of [100, 103, 104]) {
    const whole = (await get(`${TRACK_PATH}/${group}.m4s`)).body;
    let offset = 0;
    for (let part = 0; part < 5; part++) {
      const { body } = await get(`${TRACK_PATH}/${group}.${part}.m4s`);
      const range = await get(`${TRACK_PATH}/${group}.m4s`, { headers: { range: `bytes=${offset}-${offset + body.length - 1}` } });
      expect([range.status, range.body.equals(body), whole.subarray(offset, offset + body.length).equals(body)], `${group}.${part}`).toEqual([206, true, true]);
      offset += body.length;
    }
    expect(offset).toBe(whole.length);
  }
});

test('the segment after the newest one is held until it begins; one further ahead is 404', async () => {
  const reading = new Reading(`${TRACK_PATH}/105.m4s`);
  await until(async () => (await waiting()) === 1);
  expect((await get(`${TRACK_PATH}/106.m4s`)).status).toBe(404);
  stream.parts(3);
  expect(reading.status).toBe(0);
  stream.parts(1);
  await until(() => reading.body.length > 0);
  const first = (await get(`${TRACK_PATH}/105.0.m4s`)).body;
  expect(reading.body.equals(first)).toBe(true);
  reading.hangUp();
  await until(async () => (await waiting()) === 0);
});

test('a segment that does not begin within three target durations is 503', async () => {
  const answer = get(`${TRACK_PATH}/105.m4s`);
  await until(async () => (await waiting()) === 1);
  time.now = later(time.now, millis(6000));
  expect([(await answer).status, code(await answer)]).toEqual([503, 'hls/timeout']);
});

test('a segment that is given up in the middle ends with a torn connection, never with a short body that looks whole', async () => {
  const reading = new Reading(`${TRACK_PATH}/104.m4s`);
  await until(() => reading.body.length > 0);
  stream.skip();
  stream.parts(6);
  await until(() => reading.state !== 'open');
  expect(reading.state).toBe('torn');
  expect((await get(`${TRACK_PATH}/104.m4s`)).status).toBe(404);
  expect(await waiting()).toBe(0);
});

test('a segment to which nothing comes any more is torn once its publisher can no longer return', async () => {
  const reading = new Reading(`${TRACK_PATH}/104.m4s`);
  await until(() => reading.body.length > 0);
  time.now = later(time.now, millis(32_000));
  await until(async () => (await waiting()) === 1);
  expect(reading.state).toBe('open');
  time.now = later(time.now, millis(2000));
  await until(() => reading.state !== 'open');
  expect(reading.state).toBe('torn');
});

test('a range of a segment that grows is not served: it has no length yet', async () => {
  const answer = get(`${TRACK_PATH}/104.m4s`, { headers: { range: 'bytes=0-9' } });
  await until(async () => (await waiting()) === 1);
  stream.parts(3);
  stream.frames(1);
  expect([(await answer).status, (await answer).headers['content-range']]).toEqual([200, undefined]);
});

test('HEAD of a segment that grows tells its headers and holds nobody', async () => {
  const answer = await get(`${TRACK_PATH}/104.m4s`, { method: 'HEAD' });
  expect([answer.status, answer.headers['content-type'], answer.headers['content-length'], answer.body.length]).toEqual([200, 'video/mp4', undefined, 0]);
});

test('a stop tears what grows and answers who waits', async () => {
  const [growing, held] = [new Reading(`${TRACK_PATH}/104.m4s`), get(`${MANIFEST}?after=104`)];
  await until(async () => growing.body.length > 0 && (await waiting()) === 2);
  await edge.close();
  expect([(await held).status, code(await held)]).toEqual([503, 'http/stopping']);
  await until(() => growing.state !== 'open');
  expect(growing.state).toBe('torn');
});

test('viewers of LL-DASH are counted as such, and its requests by their kind', async () => {
  await get(MANIFEST, { headers: { 'user-agent': 'a' } });
  await get(MANIFEST, { headers: { 'user-agent': 'b' } });
  await get(`${TRACK_PATH}/index.m3u8`, { headers: { 'user-agent': 'a' } });
  await get(`${MANIFEST}?after=x`);
  const text = await metrics();
  expect(text).toContain('millrace_viewers{protocol="dash"} 2\n');
  expect(text).toContain('millrace_viewers{protocol="hls"} 1\n');
  expect(text).toContain('millrace_edge_requests_total{kind="manifest",status="200"} 2\n');
  expect(text).toContain('millrace_edge_requests_total{kind="manifest",status="400"} 1\n');
});

test('who reads segments that grow takes a place in the waiting room, of which there are so many', async () => {
  const other = await testEdge({ rewindWindow: 0, recording: false, maxWaitingRequestsPerAddress: 2 });
  try {
    new TestStream(other.bus).parts(22);
    await until(async () => (await other.get(`${TRACK_PATH}/104.1.m4s`)).status === 200);
    for (const path of [`${MANIFEST}?after=104`, `${TRACK_PATH}/104.m4s`]) {
      other.get(path).catch(() => undefined);
    }
    await until(async () => (await other.metrics.metrics()).includes('millrace_edge_waiting_requests 2\n'));
    const refused = await Promise.all([other.get(`${TRACK_PATH}/104.m4s`), other.get(`${TRACK_PATH}/105.m4s`), other.get(`${MANIFEST}?after=104`)]);
    expect(refused.map(({ status, text }) => [status, code({ text })])).toEqual(Array(3).fill([429, 'http/too-many-waiting']));
  } finally {
    await other.edge.close();
  }
});
