import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import type { Bus } from '#core/bus/bus.ts';
import type { BroadcastInfo, Face, SourceCatalog } from '#core/bus/catalog.ts';
import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { millis, systemClock } from '#core/media/time.ts';

import { audioConfig, encode, START, videoConfig } from '../timeline/testing/encoder.ts';
import { FileLedger } from './file-ledger.ts';
import { ingestMetrics } from './metrics.ts';
import { StreamRegistry } from './registry.ts';

const log = pino({ enabled: false });
let folder: string;
let bus: Bus;
let registry: StreamRegistry;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-segments-'));
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'], now: START });
  bus = createLocalBus();
  registry = await StreamRegistry.open({ bus, ledger: new FileLedger(folder, log), clock: systemClock, log, metrics: ingestMetrics(new Registry()), maxPublishers: 10 });
});
afterEach(async () => {
  await registry.close();
  await bus.close();
  vi.useRealTimers();
  await rm(folder, { recursive: true, force: true });
});

it.each<[string, readonly Face[], number]>([
  ['a new epoch where the ladder gives HLS the picture as it is sent', ['hls', 'webrtc'], 2],
  ['no new epoch where HLS is encoded', ['webrtc'], 1],
])('a browser that changes its size makes %s', async (_what, faces, epochs) => {
  const sources: SourceCatalog[] = [];
  bus.onBroadcast((info: BroadcastInfo) => {
    if (sources.length === 0) {
      bus.onCatalog(info.broadcast, 'source', (source) => {
        sources.push(source);
        const { stream, broadcast, epoch, tracks: [track] } = source;
        if (track) {
          const rendition = { track: track.name, label: '720p', faces, mode: 'passthrough', reason: '', config: track.config, bandwidth: 1, averageBandwidth: 1 } as const;
          bus.putCatalog(broadcast, 'ladder', { stream, broadcast, epoch, fence: 1, revision: epoch, partTarget: millis(200), renditions: [rendition], omitted: [] });
        }
      });
    }
  });
  const admission = await registry.admit({ stream: 'show', protocol: 'whip', address: '192.0.2.1', clockRate: 1000, adaptive: true, disconnect: () => undefined });
  if (!admission.admitted) {
    throw new Error(admission.message);
  }
  const { sink } = admission;
  sink.config(audioConfig());
  sink.config(videoConfig);
  const samples = encode({ seconds: 10, gop: 66 });
  const change = samples.findIndex(({ kind, key, arrival }) => kind === 'video' && key && arrival > START + 6000);
  for (const [n, sample] of samples.entries()) {
    await vi.advanceTimersByTimeAsync(Math.max(0, sample.arrival - Date.now()));
    if (n === change) {
      sink.config({ ...videoConfig, width: 640, height: 360 });
    }
    sink.sample(sample);
  }
  // An epoch is given out once the ledger has it on disk.
  await vi.waitFor(() => expect(sources).toHaveLength(epochs));
});
