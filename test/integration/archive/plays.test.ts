import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { pino } from 'pino';
import type { Browser } from 'playwright-core';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { systemClock } from '#core/media/time.ts';
import { openArchive } from '#edge/archive/open-archive.ts';
import { Packager } from '#edge/cmaf/packager.ts';
import { startBrowser } from '#test/support/browser.ts';

import { archiveConfig, info, takeOf } from './take.ts';

/** What a page says of a file that it plays. */
type Played = { readonly error: string | null; readonly duration: number; readonly size: readonly [number, number]; readonly reached: number };

let dataDir = '';
let folder = '';
let browser: Browser;
let server: Server;
let origin = '';

/** Two takes with ten seconds between them, as a publisher leaves it that drops and returns. */
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-plays-'));
  folder = join(dataDir, 'archive', info.broadcast);
  const archive = await openArchive({ config: archiveConfig(dataDir), log: pino({ level: 'silent' }), metrics: new Registry(), bus: createLocalBus(), clock: systemClock });
  const keeper = archive.keep(info);
  for (const name of takeOf(0).keys()) {
    const packager = new Packager(keeper.track(name, name === 'audio' ? 'audio' : 'video'));
    [0, 1].forEach((epoch) => takeOf(epoch).get(name)?.forEach((frame) => packager.push(frame)));
    packager.finish();
  }
  await keeper.end();
  await archive.close();
  server = createServer((request, response) => {
    void answer(request.url ?? '/', request.headers.range).then(({ status, headers, body }) => response.writeHead(status, headers).end(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  browser = await startBrowser();
});

afterAll(async () => {
  await browser.close();
  server.close();
  await rm(dataDir, { recursive: true, force: true });
});

/** A file of the recording, or a range of it, as any server of files answers. */
async function answer(path: string, range: string | undefined): Promise<{ status: number; headers: Record<string, string>; body: Buffer }> {
  if (!path.endsWith('.mp4')) {
    return { status: 200, headers: { 'Content-Type': 'text/html' }, body: Buffer.from('<!doctype html><video muted></video>') };
  }
  const file = await readFile(join(folder, path));
  const [, from = '0', to = ''] = /bytes=(\d+)-(\d*)/.exec(range ?? '') ?? [];
  const end = to === '' ? file.length : Number(to) + 1;
  const headers = { 'Content-Type': 'video/mp4', 'Accept-Ranges': 'bytes', 'Content-Range': `bytes ${from}-${end - 1}/${file.length}` };
  return { status: range === undefined ? 200 : 206, headers, body: file.subarray(Number(from), end) };
}

/** Plays a file at sixteen times its speed, to its end. */
async function play(name: string): Promise<Played> {
  const page = await browser.newPage();
  try {
    await page.goto(origin);
    return await page.evaluate(async (url) => {
      type Media = {
        src: string;
        playbackRate: number;
        readonly currentTime: number;
        readonly duration: number;
        readonly videoWidth: number;
        readonly videoHeight: number;
        readonly error: { readonly message: string } | null;
        play(): Promise<void>;
        addEventListener(name: string, listener: () => void): void;
      };
      const video = (globalThis as unknown as { document: { querySelector(selector: string): Media } }).document.querySelector('video');
      const over = new Promise<void>((resolve) => ['ended', 'error'].forEach((event) => video.addEventListener(event, () => resolve())));
      video.src = url;
      video.playbackRate = 16;
      await video.play().catch(() => undefined);
      await over;
      return { error: video.error?.message ?? null, duration: video.duration, size: [video.videoWidth, video.videoHeight] as const, reached: video.currentTime };
    }, `/${name}`);
  } finally {
    await page.close();
  }
}

describe('a volume of a recording, as a file', () => {
  test.each([
    ['video.0.mp4', [320, 180]],
    ['v90.0.mp4', [160, 90]],
    ['audio.0.mp4', [0, 0]],
  ])('%s plays in Chromium to its end', async (name, size) => {
    expect(await readdir(folder)).toContain(name);
    const { error, duration, size: shown, reached } = await play(name);
    expect(error).toBeNull();
    expect(shown).toEqual(size);
    expect(duration).toBeGreaterThan(31);
    expect(duration).toBeLessThan(33);
    expect(reached).toBeCloseTo(duration, 0);
  }, 60_000);
});
