import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { startServer, type TestServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

import { COLOURS, pixelsOf, publishColours } from './colours.ts';

const KEY = 'main_abcdefghijklmnop';
const SECONDS = 63;

let server: TestServer;
let publisher: ReturnType<typeof publishColours>;
let broadcast = '';

beforeAll(async () => {
  // A ladder of one small rung, so that posters and thumbnails have different sources.
  server = await startServer({ config: { streamKeys: [KEY], ladder: [{ height: 360, bitrate: '400k' }, { height: 180, bitrate: '150k' }], transcodeCapacity: 50 } });
  publisher = publishColours(server.publishUrl(KEY), SECONDS);
});
afterAll(async () => {
  publisher?.kill('SIGKILL');
  await server?.[Symbol.asyncDispose]();
});

const ask = (path: string, init?: RequestInit): Promise<Response> => fetch(server.url + path, init);

async function jsonOf(path: string): Promise<Record<string, unknown>> {
  return (await (await ask(path)).json()) as Record<string, unknown>;
}

/** Runs of ffmpeg for pictures of a kind so far. */
async function decodes(kind: string): Promise<number> {
  const token = (await readFile(join(server.dataDir, 'api-token'), 'utf8')).trim();
  const text = await (await ask('/metrics', { headers: { Authorization: `Bearer ${token}` } })).text();
  const counts = [...text.matchAll(new RegExp(`^millrace_picture_decodes_total\\{kind="${kind}",result="\\w+"\\} (\\d+)$`, 'gm'))];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

const bytesOf = async (response: Response): Promise<Uint8Array> => new Uint8Array(await response.arrayBuffer());

/** Cues of a storyboard: seconds, and where in which picture. */
function cuesOf(vtt: string): { readonly start: number; readonly end: number; readonly url: string; readonly x: number; readonly y: number; readonly w: number; readonly h: number }[] {
  const seconds = (text: string): number => text.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  return [...vtt.matchAll(/^(\S+) --> (\S+)\n(.*)#xywh=(\d+),(\d+),(\d+),(\d+)$/gm)].map(([, start = '', end = '', url = '', ...place]) => {
    const [x = 0, y = 0, w = 0, h = 0] = place.map(Number);
    return { start: seconds(start), end: seconds(end), url, x, y, w, h };
  });
}

test('while nobody asks nothing is decoded', async () => {
  broadcast = await until('the stream to be on air', async () => {
    const { state, poster, broadcast: id } = await jsonOf('/api/v1/streams/main');
    return state === 'live' && poster !== null ? (id as string) : undefined;
  });
  expect([await decodes('poster'), await decodes('thumbnail')]).toEqual([0, 0]);
});

test('the first poster and thumbnail come while it is waited for, as the API names them', async () => {
  const { poster, thumbnail } = await jsonOf('/api/v1/streams/main');
  const [large, small] = await Promise.all([ask(poster as string), ask(thumbnail as string)]);
  expect([large.status, small.status]).toEqual([200, 200]);
  expect(large.headers.get('content-type')).toBe('image/jpeg');
  const [whole, reduced] = [pixelsOf(await bytesOf(large)), pixelsOf(await bytesOf(small))];
  expect([whole.width, whole.height, reduced.width, reduced.height]).toEqual([640, 360, 320, 180]);
  expect(COLOURS).toContain(whole.at(320, 180));
  expect(reduced.at(160, 90)).toBe(whole.at(320, 180));
});

test('under fifty requests a second at most one decode each 5 s begins, and the picture changes', async () => {
  const before = { thumbnail: await decodes('thumbnail'), poster: await decodes('poster') };
  const begun = performance.now();
  const answers: Promise<{ readonly status: number; readonly tag: string | null }>[] = [];
  for (let request = 0; request < 600; request++) {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, begun + request * 20 - performance.now())));
    answers.push(ask('/live/main/thumbnail.jpg').then(async (response) => (await response.arrayBuffer(), { status: response.status, tag: response.headers.get('etag') })));
  }
  const given = await Promise.all(answers);
  const took = (performance.now() - begun) / 1000;
  const runs = (await decodes('thumbnail')) - before.thumbnail;
  expect(new Set(given.map(({ status }) => status))).toEqual(new Set([200]));
  expect(runs).toBeGreaterThanOrEqual(2);
  expect(runs).toBeLessThanOrEqual(1 + took / 5);
  expect(new Set(given.map(({ tag }) => tag)).size).toBeGreaterThanOrEqual(2);
  // Nobody asked for the poster meanwhile.
  expect(await decodes('poster')).toBe(before.poster);
}, 60_000);

test('who has a picture is not sent it again', async () => {
  // Between the two requests another may have been made, once.
  const [tag, again] = await until('the same picture twice', async () => {
    const first = (await ask('/live/main/thumbnail.jpg')).headers.get('etag') ?? '';
    const second = await ask('/live/main/thumbnail.jpg', { headers: { 'If-None-Match': first } });
    return second.headers.get('etag') === first ? ([first, second] as const) : undefined;
  });
  expect([again.status, again.headers.get('cache-control'), await again.text()]).toEqual([304, 'public, max-age=5', '']);
  expect((await ask('/live/main/thumbnail.jpg', { headers: { 'If-None-Match': `${tag}x` } })).status).toBe(200);
});

test('while it is on air the storyboard reaches the newest ten seconds, in wall time', async () => {
  const vtt = await until('three tiles', async () => {
    const text = await (await ask(`/live/main/${broadcast}/storyboard.vtt`)).text();
    return cuesOf(text).length >= 3 ? text : undefined;
  }, { deadline: 40_000, every: 500 });
  expect(vtt).toMatch(/^WEBVTT\n\nNOTE start \d{4}-\d\d-\d\dT/);
  const cues = cuesOf(vtt);
  const sprite = await ask(`/live/main/${broadcast}/${cues[0]?.url}`);
  expect([sprite.status, sprite.headers.get('cache-control')]).toEqual([200, 'public, max-age=5']);
  const pixels = pixelsOf(await bytesOf(sprite));
  expect(cues.slice(0, 3).map(({ x, y, w, h }) => pixels.at(x + w / 2, y + h / 2))).toEqual(COLOURS.slice(0, 3));
});

test.each([
  ['/live/nobody/poster.jpg', 404, 'stream/unknown'],
  ['/live/main/none0000/storyboard.vtt', 404, 'media/not-found'],
])('%s is answered %i %s', async (path, status, code) => {
  const response = await ask(path);
  expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([status, code]);
});

test('a picture of the storyboard that is not there is not found', async () => {
  expect((await ask(`/live/main/${broadcast}/storyboard-7.jpg`)).status).toBe(404);
});

test('the recording has a poster of ten seconds into it and a storyboard that shows what was on air', async () => {
  await until('the publisher to be done', () => publisher.exitCode !== null, { deadline: 70_000 });
  const recording = await until('the recording to be finished', async () => {
    const found = await jsonOf(`/api/v1/recordings/${broadcast}`);
    return found['state'] === 'finished' ? found : undefined;
  }, { deadline: 60_000, every: 500 });
  expect(recording['duration']).toBeGreaterThan(SECONDS - 2);
  const vtt = await until('the storyboard to be complete', async () => {
    const text = await (await ask(recording['storyboard'] as string)).text();
    return cuesOf(text).length > 0 && !text.includes('?tiles=') ? text : undefined;
  }, { deadline: 30_000, every: 500 });
  expect(vtt).not.toContain('NOTE');
  const cues = cuesOf(vtt);
  expect(cues.map(({ start }) => Math.round(start / 10))).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(cues.slice(1).map(({ start }, index) => start - (cues[index]?.end ?? 0))).toEqual([0, 0, 0, 0, 0, 0]);
  const sprite = await ask(`/recordings/${broadcast}/${cues[0]?.url}`);
  expect([sprite.status, sprite.headers.get('cache-control')]).toEqual([200, 'public, max-age=31536000, immutable']);
  const pixels = pixelsOf(await bytesOf(sprite));
  expect([pixels.width, pixels.height]).toEqual([800, 450]);
  const corners = ({ x, y, w, h }: (typeof cues)[number]): string[] => [[4, 4], [w - 4, 4], [4, h - 4], [w - 4, h - 4], [w / 2, h / 2]].map(([dx = 0, dy = 0]) => pixels.at(x + dx, y + dy));
  expect(cues.map(corners)).toEqual(COLOURS.map((colour) => Array.from({ length: 5 }, () => colour)));
  const poster = await ask(recording['poster'] as string);
  expect(poster.status).toBe(200);
  expect(pixelsOf(await bytesOf(poster)).at(320, 180)).toBe('lime');
}, 180_000);
