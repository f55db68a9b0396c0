import { createHash } from 'node:crypto';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { Bus } from '#core/bus/bus.ts';
import { createLocalBus } from '#core/bus/local/local-bus.ts';

import { testEdge, until, type Answer } from '../http/testing/edge.ts';
import { TestStream } from '../http/testing/stream.ts';

type Get = Awaited<ReturnType<typeof testEdge>>['get'];

const BASE = '/live/demo/testbroadcast';
const TRACKS = ['video', 'v360'];

let bus: Bus;
let stream: TestStream;
const closers: (() => Promise<void>)[] = [];

beforeEach(() => {
  bus = createLocalBus();
  stream = new TestStream(bus, { tracks: TRACKS });
});

afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
  await bus.close();
});

async function edge(follow: 'always' | 'watched'): Promise<Get> {
  const started = await testEdge({}, { bus, follow });
  closers.push(() => started.edge.close());
  return started.get;
}

const hash = ({ body }: Answer): string => createHash('sha256').update(body).digest('hex');

/** The playlist of a track, with the URLs of all that can be had now. */
async function listing(get: Get, track: string): Promise<{ readonly text: string; readonly urls: readonly string[] }> {
  await until(async () => (await get(`${BASE}/${track}/index.m3u8`)).status === 200);
  const { text } = await get(`${BASE}/${track}/index.m3u8`);
  const hinted = /PRELOAD-HINT:TYPE=PART,URI="([^"]+)"/.exec(text)?.[1];
  const named = [...text.matchAll(/URI="([^"./]+\.(?:\d+\.)?(?:m4s|mp4))"|^(\d+\.m4s)$/gm)].map(([, quoted, plain]) => quoted ?? plain ?? '');
  return { text, urls: [...new Set(named)].filter((url) => url !== hinted).map((url) => `${BASE}/${track}/${url}`) };
}

async function hashes(get: Get, urls: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const url of urls) {
    const answer = await get(url);
    expect([url, answer.status]).toEqual([url, 200]);
    found.set(url, hash(answer));
  }
  return found;
}

/** Lines of a playlist from a segment on, without what only says how far it reaches back. */
const from = (text: string, group: number): string => text.slice(text.indexOf('\n', text.indexOf(`\n${group}.m4s`)));

describe('two edges that started at different moments', () => {
  test('give equal bytes under every common URL of HLS, one of them having slept meanwhile', async () => {
    const warm = await edge('always');
    stream.parts(5 * 3);
    const cold = await edge('watched');
    stream.parts(5 * 6 + 2);
    await Promise.all(TRACKS.map((track) => listing(cold, track)));
    for (const track of TRACKS) {
      const [a, b] = [await listing(warm, track), await listing(cold, track)];
      const common = a.urls.filter((url) => b.urls.includes(url));
      // Six seconds of whole segments, their parts as far as both list them, the init segment.
      expect(common.length).toBeGreaterThan(6 + 5 * 5);
      expect(b.urls.filter((url) => !a.urls.includes(url))).toEqual([]);
      expect(await hashes(cold, common)).toEqual(await hashes(warm, common));
      expect(from(b.text, 104)).toBe(from(a.text, 104));
    }
  });

  test('give equal bytes under every common URL of DASH, as it grows too', async () => {
    const warm = await edge('always');
    stream.parts(5 * 3);
    const cold = await edge('watched');
    stream.parts(5 * 6 + 2);
    const manifests = [await cold('/live/demo/manifest.mpd'), await warm('/live/demo/manifest.mpd')].map(({ text }) => text);
    for (const text of manifests) {
      expect(text.match(/<Representation id="[^"]+"/g)).toEqual(['<Representation id="video"', '<Representation id="v360"']);
    }
    // Presentation times agree: what the period's start is later, its offset is too.
    const shifts = manifests.map((text) => {
      const [, start = ''] = /<Period id="0" start="PT([\d.]+)S"/.exec(text) ?? [];
      const [, scale = '', offset = ''] = /<SegmentTemplate timescale="(\d+)" presentationTimeOffset="(\d+)"/.exec(text) ?? [];
      return Number(start) - Number(offset) / Number(scale);
    });
    expect(Math.abs((shifts[0] as number) - (shifts[1] as number))).toBeLessThanOrEqual(0.04);
    const urls = TRACKS.flatMap((track) => [104, 105, 106, 107, 108].map((group) => `${BASE}/${track}/${group}.m4s`));
    expect(await hashes(cold, urls)).toEqual(await hashes(warm, urls));
    const growing = [warm, cold].map((get) => get(`${BASE}/video/109.m4s`));
    stream.parts(5);
    const [a, b] = await Promise.all(growing);
    expect([a?.status, a && hash(a)]).toEqual([200, b && hash(b)]);
  });

  test('list the same gap where a transcoder was overtaken in the middle of a group', async () => {
    const warm = await edge('always');
    stream.parts(5 * 4 + 3);
    stream.overtake();
    const cold = await edge('watched');
    stream.parts(5 * 5);
    await Promise.all(TRACKS.map((track) => listing(cold, track)));
    const [a, b] = [await listing(warm, 'video'), await listing(cold, 'video')];
    // The stream's wall times are rounded.
    expect(a.text).toContain('#EXT-X-GAP\n#EXTINF:0.99999,\n104.m4s\n');
    expect(from(b.text, 104)).toBe(from(a.text, 104));
    expect([(await warm(`${BASE}/video/104.m4s`)).status, (await cold(`${BASE}/video/104.m4s`)).status]).toEqual([404, 404]);
    const parts = [0, 1, 2].map((part) => `${BASE}/video/104.${part}.m4s`);
    expect(await hashes(cold, parts)).toEqual(await hashes(warm, parts));
  });
});

test('a held request of a sleeping track is answered with what it asked for', async () => {
  const cold = await edge('watched');
  stream.parts(5 * 8 + 2);
  const blocking = cold(`${BASE}/video/index.m3u8?_HLS_msn=108&_HLS_part=3`);
  const hinted = cold(`${BASE}/v360/108.2.m4s`);
  await until(async () => (await cold(`${BASE}/v360/108.1.m4s`)).status === 200);
  stream.parts(3);
  const answer = await blocking;
  expect(answer.status).toBe(200);
  expect(answer.text).toContain('108.3.m4s');
  expect((await hinted).status).toBe(200);
  expect((await cold(`${BASE}/v360/50.0.m4s`)).status).toBe(404);
});

test('the multivariant playlist and the manifest are the same whether tracks sleep or not', async () => {
  const warm = await edge('always');
  const cold = await edge('watched');
  stream.parts(5 * 4);
  expect((await cold('/live/demo/master.m3u8')).text).toBe((await warm('/live/demo/master.m3u8')).text);
});
