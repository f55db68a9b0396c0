import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { startServer, type TestServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

/** `millrace up` with `httpWorkers: 2`, as players use it (ADR 0017). */
describe.each(['own', 'held'] as const)('a server on worker threads, with sockets of %s', (sockets) => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer({ sockets, config: { httpWorkers: 2 } });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const text = async (path: string): Promise<string> => {
    // A connection each, so that both threads get some.
    const answer = await fetch(new URL(path, server.url), { headers: { connection: 'close' } });
    expect([path, answer.status]).toEqual([path, 200]);
    return answer.text();
  };

  test('serves the demo from its multivariant playlist to its parts', async () => {
    await until('the card to be on air', async () => (await fetch(`${server.url}/live/demo/master.m3u8`)).ok, { deadline: 30_000 });
    const media = /^[^#\s].*index\.m3u8$/m.exec(await text('/live/demo/master.m3u8'))?.[0] ?? '';
    const base = `/live/demo/${media}`;
    let playlist = await text(base);
    for (let reload = 0; reload < 10; reload++) {
      const sequence = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(playlist)?.[1]) + (playlist.match(/#EXTINF/g) ?? []).length;
      const part = (playlist.slice(playlist.lastIndexOf('#EXTINF')).match(/#EXT-X-PART:/g) ?? []).length;
      const next = await text(`${base}?_HLS_msn=${sequence}&_HLS_part=${part}`);
      expect(next).not.toBe(playlist);
      playlist = next;
      const newest = [...playlist.matchAll(/#EXT-X-PART:.*?URI="([^"]+)"/g)].at(-1)?.[1] ?? '';
      const [one, other] = await Promise.all([0, 1].map(async () => Buffer.from(await (await fetch(new URL(newest, `${server.url}${base}`), { headers: { connection: 'close' } })).arrayBuffer())));
      expect(one!.length).toBeGreaterThan(0);
      expect(one!.equals(other!)).toBe(true);
    }
  });

  test('serves pages, the API and its events, and metrics of both threads', async () => {
    expect(await text('/watch/demo')).toContain('<!doctype html>');
    expect(JSON.parse(await text('/api/v1/streams/demo'))).toMatchObject({ stream: 'demo', state: 'live' });
    expect((await fetch(`${server.url}/api/v1/streams`, { method: 'POST' })).status).toBe(405);
    const events = await fetch(`${server.url}/api/v1/streams/demo/events`);
    const reader = events.body!.getReader();
    expect(events.headers.get('content-type')).toContain('text/event-stream');
    expect((await reader.read()).value!.length).toBeGreaterThan(0);
    await reader.cancel();
    expect(await text('/readyz')).toBe('ready\n');
    const token = (await readFile(join(server.dataDir, 'api-token'), 'utf8')).trim();
    const metrics = async (): Promise<string> => (await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${token}` } })).text();
    expect(await metrics()).toContain('millrace_http_worker_connections{worker="2"}');
    // Threads tell of themselves once a second.
    await until('the counts of both threads', async () => Number(/^millrace_edge_requests_total\{kind="playlist",status="200"\} (\d+)$/m.exec(await metrics())?.[1]) >= 11);
  });

  test('stops cleanly', async () => {
    expect(await server.stop()).toBe(0);
    expect(server.log()).not.toMatch(/ ERROR|"level":"error"/);
  });
});
