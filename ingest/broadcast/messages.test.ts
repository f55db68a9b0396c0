import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import type { Bus } from '#core/bus/bus.ts';
import type { BroadcastInfo } from '#core/bus/catalog.ts';
import { createLocalBus } from '#core/bus/local/local-bus.ts';
import type { MetadataAnswer } from '#core/bus/metadata.ts';
import type { Frame } from '#core/media/frame.ts';
import { millis, systemClock } from '#core/media/time.ts';
import { trackName } from '#core/media/track.ts';

import type { SourceSink } from '../source.ts';
import { audioConfig, encode, START, videoConfig, type EncoderOptions } from '../timeline/testing/encoder.ts';
import { FileLedger } from './file-ledger.ts';
import { ingestMetrics } from './metrics.ts';
import { StreamRegistry } from './registry.ts';

const log = pino({ enabled: false });
let folder: string;
let bus: Bus;
let registry: StreamRegistry;
let metrics: Registry;
let frames: Frame[];
let infos: BroadcastInfo[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-messages-'));
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'], now: START });
  bus = createLocalBus();
  metrics = new Registry();
  frames = [];
  infos = [];
  registry = await StreamRegistry.open({ bus, ledger: new FileLedger(folder, log), clock: systemClock, log, metrics: ingestMetrics(metrics), maxPublishers: 10, grace: millis(10_000) });
  bus.onBroadcast((info) => {
    if (infos.push(info) === 1) {
      for (const name of ['video', 'audio']) {
        void (async () => {
          for await (const frame of bus.consume(info.broadcast, trackName(name), { backlog: millis(60_000) })) {
            frames.push(frame);
          }
        })();
      }
    }
  });
});
afterEach(async () => {
  await registry.close();
  await bus.close();
  vi.useRealTimers();
  await rm(folder, { recursive: true, force: true });
});

async function publish(): Promise<SourceSink> {
  const admission = await registry.admit({ stream: 'show', protocol: 'rtmp', address: '192.0.2.1', clockRate: 1000, disconnect: () => undefined });
  if (!admission.admitted) {
    throw new Error(admission.message);
  }
  return admission.sink;
}

/** Sends what an encoder sends, each sample at its time; `before` is called before each. */
async function send(sink: SourceSink, options: EncoderOptions, before: (n: number) => void = () => undefined): Promise<void> {
  if (options.video !== false) {
    sink.config(videoConfig);
  }
  sink.config(audioConfig());
  for (const [n, sample] of encode({ gop: 30, ...options, startedAt: Date.now() }).entries()) {
    await vi.advanceTimersByTimeAsync(Math.max(0, sample.arrival - Date.now()));
    before(n);
    sink.sample(sample);
  }
  // An epoch is given out once the ledger has it on disk.
  await vi.waitFor(() => expect(frames.length).toBeGreaterThan(0));
}

const ask = (data: unknown, type = 'poll'): Promise<MetadataAnswer> => bus.request('metadata/show', { type, data: JSON.stringify(data) }) as Promise<MetadataAnswer>;
const carriers = (): Frame[] => frames.filter(({ events }) => events !== undefined);

it('what is asked over the bus is on the next picture, though it is a B-frame, and the answer tells which', async () => {
  const sink = await publish();
  await send(sink, { seconds: 3, bFrames: 2 });
  const answers: Promise<MetadataAnswer>[] = [];
  const count = frames.length;
  await send(sink, { seconds: 1, bFrames: 2, clock: 3000 }, (n) => {
    if (n % 6 === 5 && n < 60) {
      answers.push(ask({ n }));
    }
  });
  const told = await Promise.all(answers);
  expect(told.length).toBeGreaterThan(5);
  expect(new Set(told.map(({ id }) => id)).size).toBe(told.length);
  const events = carriers().flatMap((frame) => (frame.events ?? []).map((event) => ({ frame, event })));
  expect(events.map(({ event }) => event.id)).toEqual(told.map(({ id }) => id));
  const clock = frames.find((frame) => frame.track === 'video' && frame.head !== undefined);
  for (const [at, { frame, event }] of events.entries()) {
    expect(frame.track).toBe('video');
    expect(event).toMatchObject({ type: 'poll', pts: frame.pts });
    const since = (frame.pts - (clock?.pts ?? 0)) / 90;
    expect(told[at]).toMatchObject({ type: 'poll', broadcast: frame.broadcast, time: frame.pts / 90_000 });
    expect(Math.abs(Date.parse(told[at]?.wallTime ?? '') - ((clock?.head?.wallTime ?? 0) + since))).toBeLessThan(5);
  }
  expect(events.some(({ frame }) => frame.pts !== frame.dts && !frame.key)).toBe(true);
  expect(frames.indexOf(events[0]?.frame as Frame)).toBeGreaterThanOrEqual(count);
});

it('without a picture it is on the sound', async () => {
  const sink = await publish();
  await send(sink, { seconds: 4, video: false });
  const answer = ask(1);
  await send(sink, { seconds: 1, video: false, clock: 4000 });
  const { time } = await answer;
  const [carrier, ...others] = carriers();
  expect(others).toEqual([]);
  expect(carrier?.track).toBe('audio');
  expect(time).toBeCloseTo((carrier?.pts ?? 0) / 48_000, 4);
});

it('nobody answers before there is a broadcast and after its end; in between it says when nobody is publishing', async () => {
  await expect(ask(1)).rejects.toMatchObject({ code: 'bus/unserved' });
  const sink = await publish();
  await send(sink, { seconds: 3 });
  const waiting = expect(ask(1)).rejects.toMatchObject({ code: 'metadata/offline' });
  await vi.advanceTimersByTimeAsync(0);
  sink.end('unpublished');
  await waiting;
  await expect(ask(2)).rejects.toMatchObject({ code: 'metadata/offline' });
  const again = await publish();
  await send(again, { seconds: 3 });
  await vi.waitFor(() => expect(infos.at(-1)).toMatchObject({ state: 'live', epoch: 1 }));
  const answer = ask(3);
  await send(again, { seconds: 1, clock: 3000 });
  expect(carriers().map(({ epoch, events }) => [epoch, events?.map(({ id }) => id)])).toEqual([[1, [(await answer).id]]]);
  again.end('lost');
  await vi.advanceTimersByTimeAsync(10_000);
  expect(infos.at(-1)?.state).toBe('ended');
  await expect(ask(4)).rejects.toMatchObject({ code: 'bus/unserved' });
});

it('what the publisher says between its samples is on the next picture, and too much of it is told', async () => {
  const sink = await publish();
  await send(sink, { seconds: 3 });
  for (let n = 0; n < 25; n++) {
    sink.message({ type: 'rtmp.ontextdata', data: String(n) });
  }
  await send(sink, { seconds: 1, clock: 3000 });
  expect(carriers().flatMap(({ events }) => events?.map(({ type, data }) => `${type} ${data}`))).toEqual(Array.from({ length: 20 }, (_, n) => `rtmp.ontextdata ${n}`));
  await vi.advanceTimersByTimeAsync(1000);
  expect(sink.health?.warnings.map(({ code }) => code)).toContain('source/message-dropped');
  await expect(bus.request('metadata/show', { type: 'poll' })).rejects.toMatchObject({ code: 'metadata/malformed' });
  const counted = async (name: string): Promise<number | undefined> => (await metrics.getSingleMetric(name)?.get())?.values[0]?.value;
  expect(await counted('millrace_ingest_messages_total')).toBe(20);
  expect(await counted('millrace_ingest_messages_refused_total')).toBe(6);
});
