import { describe, expect, test } from 'vitest';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { broadcastId } from '#core/media/frame.ts';
import { Nodes } from '#core/placement/nodes.ts';

import { edgeNode } from '../testing/nodes.ts';
import { recording, serveRecordings } from '../testing/recordings.ts';
import { serveControl } from '../testing/served-control.ts';
import { errorSchema, recordingSchema, recordingsSchema } from './schemas.ts';

const inProgress = recording({ id: broadcastId('recording2'), state: 'recording', stream: 'cam2' });

/** The same without what is not known of it. */
function without<T extends object>(value: T, ...keys: (keyof T)[]): T {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key as keyof T))) as T;
}

test('recordings are listed as their keeper lists them, of one stream or of all', async () => {
  const { bus, get } = await serveControl();
  serveRecordings(bus, [inProgress, recording()]);
  const idsOf = async (query: string): Promise<string[]> => recordingsSchema.parse(await (await get(`/api/v1/recordings${query}`)).json()).recordings.map(({ id }) => id);
  expect(await idsOf('')).toEqual(['recording2', 'recording1']);
  expect(await idsOf('?stream=cam1')).toEqual(['recording1']);
  expect(await idsOf('?stream=nobody')).toEqual([]);
  expect(errorSchema.parse(await (await get('/api/v1/recordings?stream=NO')).json()).code).toBe('malformed');
});

test('a finished recording is described with everything that can be done with it', async () => {
  const { bus, get } = await serveControl({}, { basePath: '/tv' });
  serveRecordings(bus, [recording()]);
  const response = await get('/api/v1/recordings/recording1');
  expect(response.headers.get('access-control-allow-origin')).toBe('*');
  expect(recordingSchema.parse(await response.json())).toEqual({
    id: 'recording1', stream: 'cam1', state: 'finished', startedAt: '2026-01-02T00:00:00.000Z', endedAt: '2026-01-02T01:00:00.000Z', duration: 3599.987, bytes: 2_000_000, downloadBytes: 1_900_000,
    width: 1280, height: 720, lostGroups: 0, page: '/tv/recordings/recording1', hls: '/tv/recordings/recording1/master.m3u8', dash: '/tv/recordings/recording1/manifest.mpd',
    download: '/tv/recordings/recording1/download.mp4', poster: '/tv/recordings/recording1/poster.jpg', storyboard: '/tv/recordings/recording1/storyboard.vtt',
  });
});

test.each([
  ['one that goes on has no download yet', without(inProgress, 'endedAt', 'downloadBytes'), { endedAt: null, downloadBytes: null, download: null, hls: '/recordings/recording2/master.m3u8' }],
  ['one of sound alone has no pictures', without(recording(), 'width', 'height'), { width: null, height: null, poster: null, storyboard: null, download: '/recordings/recording1/download.mp4' }],
  ['a damaged one has nothing to play', recording({ state: 'damaged' }), { hls: null, dash: null, download: null, poster: null, storyboard: null }],
])('%s', async (_what, kept, expected) => {
  const { bus, get } = await serveControl();
  serveRecordings(bus, [kept]);
  expect(recordingSchema.parse(await (await get(`/api/v1/recordings/${kept.id}`)).json())).toMatchObject(expected);
});

test('behind a proxy that takes the base path off, the public URL tells it', async () => {
  const { bus, get } = await serveControl({ publicUrl: 'https://live.example.com/tv/' });
  serveRecordings(bus, [recording()]);
  expect(await (await get('/api/v1/recordings/recording1')).json()).toMatchObject({ page: '/tv/recordings/recording1' });
});

test('a recording is deleted with the token, once', async () => {
  const { bus, getWithToken } = await serveControl();
  serveRecordings(bus, [recording()]);
  const response = await getWithToken('/api/v1/recordings/recording1', { method: 'DELETE' });
  expect([response.status, await response.text()]).toEqual([204, '']);
  const again = await getWithToken('/api/v1/recordings/recording1', { method: 'DELETE' });
  expect([again.status, errorSchema.parse(await again.json()).code]).toEqual([404, 'unknown-recording']);
});

test('a recording in progress stays', async () => {
  const { bus, get, getWithToken } = await serveControl();
  serveRecordings(bus, [inProgress]);
  const response = await getWithToken('/api/v1/recordings/recording2', { method: 'DELETE' });
  expect([response.status, errorSchema.parse(await response.json()).code]).toEqual([409, 'in-progress']);
  expect((await get('/api/v1/recordings/recording2')).status).toBe(200);
});

test('where nobody keeps recordings, that is said, and when to try again', async () => {
  const { get } = await serveControl();
  for (const path of ['/api/v1/recordings', '/api/v1/recordings/recording1']) {
    const response = await get(path);
    expect([response.status, response.headers.get('retry-after'), errorSchema.parse(await response.json()).code]).toEqual([503, '5', 'unavailable']);
  }
});

test('nonsense from the bus is a fault of ours, not an answer', async () => {
  const { bus, get, logged } = await serveControl();
  bus.serve('recordings', () => ({ recordings: [{ id: 1 }] }));
  expect((await get('/api/v1/recordings')).status).toBe(500);
  expect(logged()).toContain('the API failed');
});

describe('where several nodes keep recordings', () => {
  /** `edge-1` answers itself, `edge-2` and `edge-3` keep recordings too, `edge-4` keeps none. */
  async function severalKeepers() {
    const bus = createLocalBus();
    [edgeNode('edge-1', { archive: true }), edgeNode('edge-2', { archive: true }), edgeNode('edge-3', { archive: true }), edgeNode('edge-4')].forEach((info) => bus.present(info));
    const served = await serveControl({}, { bus, nodes: new Nodes(bus), node: 'edge-1', basePath: '/tv' });
    const kept = { one: [recording({ id: broadcastId('keptbyown1'), startedAt: 1_000 })], two: [recording({ id: broadcastId('keptbytwo1'), startedAt: 2_000 }), recording({ id: broadcastId('keptbyboth'), startedAt: 3_000, duration: 20_000 })], three: [recording({ id: broadcastId('keptbyboth'), startedAt: 3_000, duration: 30_000 }), inProgress] };
    serveRecordings(bus, kept.one, 'edge-1');
    serveRecordings(bus, kept.two, 'edge-2');
    const unserve = bus.serve('recordings/edge-3', () => new Promise(() => {}));
    return { ...served, kept, wakeThird: () => { unserve(); serveRecordings(bus, kept.three, 'edge-3'); } };
  }

  const listOf = async (get: (path: string) => Promise<Response>) => recordingsSchema.parse(await (await get('/api/v1/recordings')).json());

  test('they are one list, each with URLs of its keeper, and of two copies the longer', async () => {
    const { get, wakeThird } = await severalKeepers();
    wakeThird();
    const { recordings, missing } = await listOf(get);
    expect(missing).toEqual([]);
    expect(recordings.filter(({ stream }) => stream === 'cam1').map(({ page, duration }) => [page, duration])).toEqual([
      ['http://edge-3:8080/recordings/keptbyboth', 30],
      ['http://edge-2:8080/recordings/keptbytwo1', 3599.987],
      ['/tv/recordings/keptbyown1', 3599.987],
    ]);
    expect(recordingSchema.parse(await (await get('/api/v1/recordings/keptbytwo1')).json())).toMatchObject({ hls: 'http://edge-2:8080/recordings/keptbytwo1/master.m3u8', download: 'http://edge-2:8080/recordings/keptbytwo1/download.mp4' });
    expect(recordingSchema.parse(await (await get('/api/v1/recordings/keptbyboth')).json()).page).toBe('http://edge-3:8080/recordings/keptbyboth');
    expect((await get('/api/v1/recordings/nowhere')).status).toBe(404);
  });

  test('there are none where none of them keeps any', async () => {
    const bus = createLocalBus();
    bus.present(edgeNode('edge-4'));
    const { get } = await serveControl({}, { bus, nodes: new Nodes(bus), node: 'edge-4' });
    expect(await listOf(get)).toEqual({ recordings: [], missing: [] });
    expect((await get('/api/v1/recordings/nowhere')).status).toBe(404);
  });

  test('one that does not answer is left out and named, and what may be there is not called unknown', { timeout: 15_000 }, async () => {
    const { get } = await severalKeepers();
    const [{ recordings, missing }, own, nowhere] = await Promise.all([listOf(get), get('/api/v1/recordings/keptbyown1'), get('/api/v1/recordings/nowhere')]);
    expect(recordings.map(({ id }) => id)).toEqual(['keptbyboth', 'keptbytwo1', 'keptbyown1']);
    expect(missing).toEqual(['edge-3']);
    expect([own.status, nowhere.status]).toEqual([200, 503]);
  });

  test('one is deleted wherever it is kept', async () => {
    const { get, getWithToken, wakeThird, kept } = await severalKeepers();
    wakeThird();
    const remove = (id: string): Promise<Response> => getWithToken(`/api/v1/recordings/${id}`, { method: 'DELETE' });
    expect((await remove('keptbyboth')).status).toBe(204);
    expect([...kept.two, ...kept.three].map(({ id }) => id)).toEqual(['keptbytwo1', 'recording2']);
    expect([(await remove('keptbyboth')).status, (await get('/api/v1/recordings/keptbyboth')).status]).toEqual([404, 404]);
    expect((await remove('recording2')).status).toBe(409);
  });
});
