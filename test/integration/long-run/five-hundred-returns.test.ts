import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { BroadcastInfo, Rendition } from '#core/bus/catalog.ts';
import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { partTarget } from '#core/media/parts.ts';
import { millis, systemClock } from '#core/media/time.ts';
import { followBus } from '#edge/from-bus.ts';
import { Payload } from '#edge/http/payload.ts';
import { Directory } from '#edge/llhls/directory.ts';
import { NO_DIRECTIVES } from '#edge/llhls/directives.ts';
import { FileLedger } from '#ingest/broadcast/file-ledger.ts';
import { ingestMetrics } from '#ingest/broadcast/metrics.ts';
import { StreamRegistry } from '#ingest/broadcast/registry.ts';
import { parseMediaPlaylist } from '#test/support/m3u8/parse-media-playlist.ts';

import { reachableMegabytes } from './heap.ts';
import { configs, samplesOf } from './simulated-source.ts';

const STARTED_AT = Date.UTC(2026, 0, 1);
const RETURNS = 500;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-returns-'));
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'], now: STARTED_AT });
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(folder, { recursive: true, force: true });
});

/** Lets the disk and everything that waits for it come to an end. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

describe('a publisher that returns five hundred times', () => {
  it('continues one broadcast, whose playlist stays whole, and leaves nothing behind', { timeout: 300_000 }, async () => {
    const log = pino({ enabled: false });
    const bus = createLocalBus();
    const ledger = new FileLedger(folder, log);
    const registry = await StreamRegistry.open({ bus, ledger, clock: systemClock, log, metrics: ingestMetrics(new Registry()), maxPublishers: 4 });
    const directory = new Directory({ clock: systemClock, knownStreams: () => ['show'], listed: millis(30_000), maxBytesPerTrack: 96 * 1024 * 1024, partHoldBack: 3 });
    const follower = followBus({ bus, directory, observer: { partAvailable: () => undefined, groupsLost: () => undefined }, log, clock: systemClock });
    const infos: BroadcastInfo[] = [];
    bus.onBroadcast((info) => infos.push(info));
    const followed = new Set<string>();
    bus.onBroadcast(({ broadcast }) => {
      if (!followed.has(broadcast)) {
        followed.add(broadcast);
        // A transcoder that passes everything through.
        bus.onCatalog(broadcast, 'source', ({ tracks, epoch, fence }) => {
          const renditions = tracks.map(({ name, config }): Rendition => ({ track: name, label: name, faces: ['hls'], mode: 'passthrough', reason: '', config, bandwidth: 1, averageBandwidth: 1 }));
          bus.putCatalog(broadcast, 'ladder', { stream: 'show', broadcast, epoch, fence, revision: epoch, partTarget: partTarget(tracks.map(({ config }) => config)), renditions, omitted: [] });
        });
      }
    });

    const memory: number[] = [];
    let newestListed = 0;
    for (let time = 0; time <= RETURNS; time += 1) {
      const admission = await registry.admit({ stream: 'show', protocol: 'rtmp', address: '192.0.2.7', clockRate: 1000, disconnect: () => undefined });
      if (!admission.admitted) {
        throw new Error(admission.message);
      }
      configs.forEach((config) => admission.sink.config(config));
      // Each comes back with a clock of its own, and goes in its own way.
      for (const sample of samplesOf({ framesPerSecond: 30, framesPerGop: 30, startedAt: Date.now(), clock: (time * 0x1234_5678) % 2 ** 32, duration: millis(2500 + (time % 7) * 100) })) {
        vi.advanceTimersByTime(Math.max(0, sample.arrival - Date.now()));
        admission.sink.sample(sample);
        if (sample.kind === 'video' && sample.key) {
          await settle();
        }
      }
      await settle();
      admission.sink.end(time % 2 === 0 ? 'lost' : 'unpublished');
      vi.advanceTimersByTime(1 + (time % 13) * 500);
      await settle();

      const video = [...(directory.current('show')?.renditions.values() ?? [])].find(({ window }) => window.track === 'video');
      const answer = video?.playlist(NO_DIRECTIVES);
      expect(answer).toBeInstanceOf(Payload);
      const playlist = parseMediaPlaylist((answer as Payload).bytes.toString());
      expect(playlist.segments.length).toBeLessThan(60);
      const newest = playlist.mediaSequence + playlist.segments.length;
      expect(newest).toBeGreaterThan(newestListed);
      newestListed = newest;
      if (time % 100 === 50) {
        memory.push(reachableMegabytes());
      }
    }

    expect(new Set(infos.map(({ broadcast }) => broadcast)).size).toBe(1);
    expect(infos.filter(({ state }) => state === 'live').map(({ epoch }) => epoch)).toEqual(Array.from({ length: RETURNS + 1 }, (_, epoch) => epoch));
    expect(infos.filter(({ state }) => state === 'ended')).toEqual([]);
    expect(Math.max(...memory.slice(1)) - Math.min(...memory.slice(0, 2))).toBeLessThan(6);

    // Nobody returns: the broadcast ends, and with it all that was kept of it.
    vi.advanceTimersByTime(31_000);
    await settle();
    expect(infos.at(-1)?.state).toBe('ended');
    vi.advanceTimersByTime(90_000);
    directory.expire(systemClock());
    expect(directory.windows).toEqual([]);
    await registry.close();
    await follower.close();
    await bus.close();
    expect(await new FileLedger(folder, log).load()).toEqual([]);
  });
});
