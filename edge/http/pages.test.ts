import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as zlib from 'node:zlib';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';

import { Pages } from './pages.ts';
import { testEdge, type getter } from './testing/edge.ts';

vi.mock('node:zlib', async (original) => {
  const actual = await original<typeof zlib>();
  return { ...actual, gzip: vi.fn(actual.gzip), gzipSync: vi.fn(actual.gzipSync) };
});

const script = `export const words = '${'still water '.repeat(400)}';`;
const page = `<!doctype html><title>Millrace</title>${' '.repeat(1000)}`;
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-pages-'));
  mkdirSync(join(folder, 'assets'));
  ['index.html', 'watch.html', 'embed.html', 'recordings.html', 'studio.html'].forEach((name) => writeFileSync(join(folder, name), page));
  writeFileSync(join(folder, 'assets', 'app-abc123.js'), script);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeEach(() => {
  vi.mocked(zlib.gzip).mockClear();
  vi.mocked(zlib.gzipSync).mockClear();
});

/** Runs a test with an edge that serves the pages, and closes it. */
async function withPages(publicUrl: string | undefined, run: (get: ReturnType<typeof getter>) => Promise<void>): Promise<void> {
  const { edge, get } = await testEdge({ playerDir: folder, publicUrl });
  try {
    await run(get);
  } finally {
    await edge.close();
  }
}

test('files are compressed when first asked for, once, and answers are equal with and without', async () => {
  await withPages(undefined, async (get) => {
    expect([vi.mocked(zlib.gzip).mock.calls.length, vi.mocked(zlib.gzipSync).mock.calls.length]).toEqual([0, 0]);
    const ask = (method: string) => get('/assets/app-abc123.js', { method, headers: { 'accept-encoding': 'gzip' } });
    const [first, second, head] = await Promise.all([ask('GET'), ask('GET'), ask('HEAD')]);
    const plain = await get('/assets/app-abc123.js');
    expect([first.text, second.text, plain.text]).toEqual([script, script, script]);
    expect(first.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding', 'cache-control': 'public, max-age=31536000, immutable' });
    expect(Number(first.headers['content-length'])).toBeLessThan(script.length / 4);
    expect([head.headers['content-length'], head.headers['content-encoding'], head.body.length]).toEqual([first.headers['content-length'], 'gzip', 0]);
    expect(plain.headers['content-encoding']).toBeUndefined();
    expect([vi.mocked(zlib.gzip).mock.calls.length, vi.mocked(zlib.gzipSync).mock.calls.length]).toEqual([1, 0]);
  });
});

test.each([
  ['/', "'none'"],
  ['/watch/demo', "'none'"],
  ['/embed/demo', '*'],
  ['/recordings/0a1b2c3d4e5f', "'none'"],
  ['/studio', "'none'"],
])('the policy of %s allows what the built pages need and no more', async (path, ancestors) => {
  await withPages(undefined, async (get) => {
    expect((await get(path)).headers['content-security-policy']).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; " +
        `connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors ${ancestors}`,
    );
  });
});

test('the policy lets pages fetch from other edges where there may be some, and run nothing of theirs', async () => {
  const pages = new Pages(folder, { others: true });
  const server = createServer((request, response) => pages.handle(request, response, request.url ?? '')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  server.close();
  expect(answer.headers.get('content-security-policy')).toBe(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' http: https: data: blob:; media-src 'self' http: https: blob:; " +
      "connect-src 'self' http: https:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  );
});

test.each([
  ['/', '()'],
  ['/watch/demo', '()'],
  ['/embed/demo', '()'],
  ['/recordings/0a1b2c3d4e5f', '()'],
  ['/studio', '(self)'],
])('%s may use camera, microphone and screen: %s', async (path, allowed) => {
  await withPages(undefined, async (get) => {
    expect((await get(path)).headers['permissions-policy']).toBe(`camera=${allowed}, microphone=${allowed}, display-capture=${allowed}`);
  });
});

const slashed: readonly (readonly [publicUrl: string | undefined, path: string, target: string])[] = [
  [undefined, '/watch/demo/', '/watch/demo'],
  [undefined, '/embed/demo/?engine=hls&a=b/c', '/embed/demo?engine=hls&a=b/c'],
  [undefined, '/studio/', '/studio'],
  [undefined, '/recordings/0a1b2c3d4e5f/', '/recordings/0a1b2c3d4e5f'],
  ['https://example.com/tv/', '/tv/watch/demo/', '/tv/watch/demo'],
  ['https://example.com/tv/', '/tv/embed/demo/?engine=hls', '/tv/embed/demo?engine=hls'],
];

test.each(slashed)('below %s, %s is sent to %s', async (publicUrl, path, target) => {
  await withPages(publicUrl, async (get) => {
    const { status, headers, body } = await get(path);
    expect([status, body.length]).toEqual([308, 0]);
    const { pathname, search } = new URL(headers.location ?? '', `https://example.com${path}`);
    expect(pathname + search).toBe(target);
    // Relative: a proxy may have taken the base path off.
    expect(headers.location).toMatch(/^\.\.\//);
    expect((await get(target)).status).toBe(200);
    expect((await get(path, { method: 'POST' })).status).toBe(405);
  });
});

test.each(['/watch/', '/watch/Bad_Name/', '/watch/demo//', '/watch/demo/x/', '/assets/app-abc123.js/'])('%s is no page with a slash behind it', async (path) => {
  await withPages(undefined, async (get) => {
    expect((await get(path)).status).toBe(404);
  });
});
