import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { ticksToMillis, wallTime } from '#core/media/time.ts';
import type { Archive } from '#edge/archive/archive.ts';
import { openArchive } from '#edge/archive/open-archive.ts';
import { startPublisher, type Publisher } from '#test/support/publisher.ts';
import { startServer, type TestServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

import { archiveConfig } from './take.ts';

const run = promisify(execFile);
const key = 'show_archivearchivearchive';

let server: TestServer;
let home = '';

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'millrace-archive-server-'));
  server = await startServer({ config: { streamKeys: key, ladder: 'source', archiveMinFreeMegabytes: 0 } });
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await rm(home, { recursive: true, force: true });
});

const publish = (): Publisher => startPublisher({ url: server.publishUrl(key), size: '320x180', kilobits: 300, seconds: 60 });
const archiveFolder = (): string => join(server.dataDir, 'archive');

/** Segments that the index of a track names. */
async function segmentsOnDisk(track: string): Promise<number> {
  const [broadcast] = await readdir(archiveFolder());
  const { stdout } = await run('grep', ['-c', '"group"', join(archiveFolder(), broadcast ?? '', `${track}.index`)]);
  return Number(stdout);
}

/** The number of the newest segment that live viewers are offered. */
async function newestLive(): Promise<number> {
  const master = await (await fetch(`${server.url}/live/show/master.m3u8`)).text();
  const path = /^[^#\n]*video\/index\.m3u8$/m.exec(master)?.[0] ?? '';
  const playlist = await (await fetch(new URL(path, `${server.url}/live/show/master.m3u8`))).text();
  return Math.max(...[...playlist.matchAll(/\/?(\d+)\.m4s$/gm)].map(([, group]) => Number(group)));
}

/** The archive as the start after the grace time finds it. */
async function openLater(): Promise<Archive> {
  const dataDir = join(home, 'data');
  await cp(archiveFolder(), join(dataDir, 'archive'), { recursive: true });
  return openArchive({ config: archiveConfig(dataDir), log: pino({ level: 'silent' }), metrics: new Registry(), bus: createLocalBus(), clock: () => wallTime(Date.now() + 60_000) });
}

describe('a server that records', () => {
  test('and is killed again and again, its publisher returning, leaves one recording that plays', async () => {
    let segments = 0;
    for (let kills = 0; kills < 3; kills++) {
      await using publisher = publish();
      await until('new segments on disk', async () => (await segmentsOnDisk('video')) >= segments + 2, { deadline: 30_000 });
      await server.kill();
      segments = await segmentsOnDisk('video');
      await publisher.kill();
      await server.start();
    }
    await server.kill();
    const archive = await openLater();
    const recordings = archive.recordings();
    expect(recordings).toMatchObject([{ stream: 'show', state: 'finished', isRecording: true }]);
    const found = (await archive.find(recordings[0]!.id))!;
    const video = [...found.tracks.values()].find(({ kind }) => kind === 'video')!;
    expect(video.segments.length).toBeGreaterThanOrEqual(segments);
    expect(new Set(video.segments.map(({ epoch }) => epoch)).size).toBeGreaterThanOrEqual(3);
    expect(found.facts.lostGroups).toBeLessThanOrEqual(1);
    expect(found.ladder?.renditions.map(({ track }) => track)).toContain(video.track);
    const files = (await readdir(found.folder)).filter((name) => name.endsWith('.mp4'));
    expect(files.length).toBeGreaterThanOrEqual(6);
    let shown = 0;
    for (const name of files) {
      const { stdout, stderr } = await run('ffmpeg', ['-v', 'warning', '-xerror', '-err_detect', 'explode', '-i', join(found.folder, name), '-f', 'framecrc', '-']);
      expect(stderr, name).toBe('');
      shown += name.startsWith(video.track) ? stdout.split('\n').filter((line) => /^\d/.test(line)).length : 0;
    }
    const seconds = video.segments.reduce((sum, { ticks, timescale }) => sum + ticksToMillis(ticks, timescale), 0) / 1000;
    expect(shown).toBe(Math.round(seconds * 30));
    await archive.close();
  });

  test('goes on live where somebody removes its archive, and records again', async () => {
    await using publisher = publish();
    await until('segments on disk', async () => (await segmentsOnDisk('video')) >= 2, { deadline: 30_000 });
    const before = await newestLive();
    await rm(archiveFolder(), { recursive: true });
    await until('a warning in the log', () => server.log().includes('nothing is kept of the broadcast for now'));
    expect(await newestLive()).toBeGreaterThan(before + 1);
    await until('segments on disk again', async () => (await segmentsOnDisk('video')) >= 2, { deadline: 30_000 });
    expect(publisher.process.exitCode).toBeNull();
    expect(server.process().exitCode).toBeNull();
  });
});
