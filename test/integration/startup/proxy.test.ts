import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { startServer, type TestServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

let proxy: Server;
let base: string;
let target = 0;
let server: TestServer;

/** Passes everything on as infra/nginx/millrace.conf does: the path as it came, the viewer's address in a header. */
beforeAll(async () => {
  proxy = createServer((from, to) => {
    const headers = { ...from.headers, 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https' };
    const onward = request({ host: '127.0.0.1', port: target, method: from.method, path: from.url, headers }, (answer) => {
      to.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(to);
    });
    onward.on('error', () => to.destroy());
    from.pipe(onward);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/tv`;
  server = await startServer({ config: { trustProxy: 'on' }, env: { MILLRACE_PUBLIC_URL: base } });
  target = server.httpPort;
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  proxy.closeAllConnections();
  proxy.close();
});

async function get(url: string): Promise<string> {
  const answer = await fetch(url);
  expect(answer.status, url).toBe(200);
  return answer.text();
}

describe('behind a reverse proxy with a base path', () => {
  test('the start tells the address that viewers use', async () => {
    await until('the block that tells it', () => server.log().includes(`Watch       ${base}/watch/demo\n`));
  });

  test('a page and what it refers to are served', async () => {
    const page = await get(`${base}/watch/demo`);
    const assets = [...page.matchAll(/(?:src|href)="([^"]+\.(?:js|css))"/g)].map((match) => match[1]!);
    expect(assets.length).toBeGreaterThan(0);
    for (const asset of assets) {
      await get(new URL(asset, `${base}/watch/demo`).href);
    }
    await get(`${base}/`);
  });

  test('playlists, media and the API are served, each reached from the one before', async () => {
    const master = await until('the demo to be on air', async () => {
      const answer = await fetch(`${base}/live/demo/master.m3u8`);
      return answer.ok ? answer.text() : undefined;
    });
    const media = new URL(/^[^#\s].*$/m.exec(master)![0], `${base}/live/demo/master.m3u8`).href;
    expect(media).toMatch(new RegExp(`^${base}/live/demo/`));
    const init = /URI="([^"]+\.mp4)"/.exec(await get(media))![1]!;
    await get(new URL(init, media).href);
    expect(await get(`${base}/api/v1/streams`)).toContain('demo');
  });
});
