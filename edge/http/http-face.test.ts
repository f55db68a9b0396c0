import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach, describe, expect, test } from 'vitest';

import { startHttpFace, type HttpFace, type HttpFaceDeps } from './http-face.ts';
import { testConfig } from './testing/edge.ts';

let face: HttpFace | undefined;

afterEach(() => face?.close());

async function start(more: Partial<HttpFaceDeps> = {}): Promise<string> {
  face = await startHttpFace({ config: testConfig(), apps: [], log: pino({ level: 'silent' }), metrics: new Registry(), ...more });
  return `http://127.0.0.1:${face.httpPort}`;
}

describe('the HTTP of a process without media', () => {
  test('answers for its health, its apps and its metrics', async () => {
    let ready = false;
    const url = await start({
      health: { ready: () => ready, authorize: ({ headers }) => headers.authorization === 'Bearer token' },
      apps: [(request, response, next) => (request.path === '/api/v1/x' ? void response.json({ is: 'here' }) : next())],
    });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
    ready = true;
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect(await (await fetch(`${url}/api/v1/x`)).json()).toEqual({ is: 'here' });
    expect((await fetch(`${url}/metrics`)).status).toBe(401);
    expect((await fetch(`${url}/metrics`, { headers: { authorization: 'Bearer token' } })).status).toBe(200);
  });

  test('has no media: what is asked of it goes to where there is some', async () => {
    const url = await start({ redirects: (_request, path, query) => (path.startsWith('/live/') ? `http://edge.example${path}${query === '' ? '' : `?${query}`}` : undefined) });
    const answer = await fetch(`${url}/live/a/master.m3u8?x=1`, { redirect: 'manual' });
    expect([answer.status, answer.headers.get('location'), answer.headers.get('access-control-allow-origin')]).toEqual([307, 'http://edge.example/live/a/master.m3u8?x=1', '*']);
    const preflight = await fetch(`${url}/live/a/master.m3u8`, { method: 'OPTIONS' });
    expect([preflight.status, preflight.headers.get('location')]).toEqual([204, null]);
    expect((await fetch(`${url}/whep/a`, { method: 'POST' })).status).toBe(404);
  });

  test('serves pages where it is asked to', async () => {
    expect((await fetch(`${await start()}/watch/a`)).status).toBe(503);
    await face?.close();
    expect((await fetch(`${await start({ pages: false })}/watch/a`)).status).toBe(404);
  });

  test('takes nobody any more once it is closed', async () => {
    const url = await start();
    await face?.close();
    await face?.closed;
    await expect(fetch(`${url}/healthz`)).rejects.toThrow('fetch failed');
  });
});
