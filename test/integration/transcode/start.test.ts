import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { wallTime } from '#core/media/time.ts';
import { Capacity } from '#transcode/capacity.ts';
import { checkFfmpeg } from '#transcode/ffmpeg/check.ts';
import { startTranscode } from '#transcode/main.ts';
import { machineSpeed, recheckOf } from '#transcode/probe/machine-speed.ts';
import { measureCapacity } from '#transcode/probe/probe.ts';
import { expectSameCut, lastPts } from './expectations.ts';
import { Harness } from './harness.ts';
import { transcodeConfig } from './settings.ts';
import { makeSource } from './source.ts';

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-start-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

test('the first start measures the machine, the second one remembers', async () => {
  const start = async (): Promise<{ readonly speed: number; readonly took: number }> => {
    const bus = createLocalBus();
    const before = performance.now();
    const stage = await startTranscode({ config: await transcodeConfig({ dataDir: folder }), bus, log: pino({ level: 'silent' }), metrics: new Registry() });
    const took = performance.now() - before;
    const { megapixelsPerSecond, budget, used } = stage.capacity;
    expect(budget).toBeCloseTo(megapixelsPerSecond * 0.6);
    expect(used).toBe(0);
    await stage.close();
    await stage.closed;
    await bus.close();
    return { speed: megapixelsPerSecond, took };
  };
  const first = await start();
  const second = await start();
  expect(first.speed).toBeGreaterThan(5);
  expect(first.took).toBeGreaterThan(900);
  expect(second.speed).toBe(first.speed);
  expect(second.took).toBeLessThan(first.took / 2);
});

describe('measuring again', () => {
  const settings = { ffmpegPath: 'ffmpeg', encoder: 'x264', preset: 'veryfast', threads: 2 } as const;
  const log = pino({ level: 'silent' });

  test('on a calm machine raises what ladders may spend, for the next start too', async () => {
    const machine = { settings, ffmpegVersion: 'test', dataDir: folder, log };
    const capacity = new Capacity(1);
    let now = 0;
    const recheck = recheckOf(machine, capacity, { clock: () => wallTime(now), busy: () => false, load: () => 0 });
    recheck.tick();
    now += 10_000;
    recheck.tick();
    await expect.poll(() => recheck.done).toBe(true);
    expect(capacity.megapixelsPerSecond).toBeGreaterThan(5);
    await expect.poll(() => machineSpeed({ ...machine, settings: { ...settings, ffmpegPath: 'none' } })).toBe(capacity.megapixelsPerSecond);
  });

  test('ends at once where it is broken off', async () => {
    const abort = new AbortController();
    const measured = measureCapacity(settings, log, abort.signal);
    abort.abort();
    await expect(measured).rejects.toMatchObject({ code: expect.stringMatching(/^transcode\/probe-/) as string });
  });
});

describe('ffmpeg', () => {
  test('is found with its version and encoders', async () => {
    expect(await checkFfmpeg()).toMatchObject({ version: expect.stringMatching(/^\d+\.\d+/) as string, encoders: expect.arrayContaining(['x264']) as string[] });
  });

  test('is missed with one sentence', async () => {
    await expect(checkFfmpeg(join(folder, 'none'))).rejects.toMatchObject({ code: 'transcode/ffmpeg-missing', message: expect.stringMatching(/^ffmpeg does not start as .* install ffmpeg 5\.1 or newer/) as string });
  });

  test.each([
    { name: 'too old', says: 'ffmpeg version 4.4.2-0ubuntu0.22.04.1', code: 'transcode/ffmpeg-too-old' },
    { name: 'something else', says: 'hello', code: 'transcode/ffmpeg-missing' },
    { name: 'without x264', says: 'ffmpeg version 7.1', code: 'transcode/ffmpeg-missing' },
  ])('is refused where it is $name', async ({ says, code }) => {
    const path = join(folder, 'ffmpeg');
    await writeFile(path, `#!/bin/sh\necho "${says}"\n`);
    await chmod(path, 0o755);
    await expect(checkFfmpeg(path)).rejects.toMatchObject({ code });
  });
});

test('hardware that is not there is replaced by x264 at once', async () => {
  const made = await makeSource({ rate: '30', seconds: 2, x264: ['-g', '30', '-bf', '0'], grouping: 'source' });
  const harness = await Harness.start({ encoder: 'nvenc', ladder: [{ height: 96, bitrate: 100_000 }] });
  await harness.begin(made);
  harness.write(made.frames);
  await harness.reached(lastPts(made) - 9000);
  expectSameCut(made, harness.outputs.get(harness.encoded[0]!.track) ?? []);
  await harness.close();
});
