import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Bus } from '#core/bus/bus.ts';
import type { BroadcastInfo, IngestHealth, SourceCatalog } from '#core/bus/catalog.ts';
import { createLocalBus } from '#core/bus/local/local-bus.ts';
import type { Frame } from '#core/media/frame.ts';
import { millis, systemClock } from '#core/media/time.ts';
import { trackName } from '#core/media/track.ts';

import type { Publisher, SourceSink } from '../source.ts';
import { audioConfig, encode, START, videoConfig, type EncoderOptions } from '../timeline/testing/encoder.ts';
import { FileLedger } from './file-ledger.ts';
import { ingestMetrics } from './metrics.ts';
import { GRACE, StreamRegistry } from './registry.ts';

const log = pino({ enabled: false });
const running: Server[] = [];
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-registry-'));
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'], now: START });
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()));
  vi.useRealTimers();
  await rm(folder, { recursive: true, force: true });
});

/** One process: a bus, a registry, and all that came over the bus. */
class Server {
  readonly infos: BroadcastInfo[] = [];
  readonly sources: SourceCatalog[] = [];
  readonly health: IngestHealth[] = [];
  readonly frames: Frame[] = [];
  readonly metrics = new Registry();
  readonly bus: Bus = createLocalBus();
  readonly #ledger = new FileLedger(folder, log);
  registry!: StreamRegistry;

  static async start(options: { readonly maxPublishers?: number } = {}): Promise<Server> {
    const server = new Server();
    server.#listen();
    server.registry = await StreamRegistry.open({
      bus: server.bus,
      ledger: server.#ledger,
      clock: systemClock,
      log,
      metrics: ingestMetrics(server.metrics),
      maxPublishers: options.maxPublishers ?? 10,
    });
    running.push(server);
    return server;
  }

  /** As kill -9 leaves it: the disk has what was written, and nobody hears anything any more. */
  async kill(): Promise<void> {
    await this.#ledger.flush();
    const now = Date.now();
    // It sets the clock back to its start.
    vi.clearAllTimers();
    vi.setSystemTime(now);
    running.splice(running.indexOf(this), 1);
  }

  async close(): Promise<void> {
    await this.registry.close();
    await this.bus.close();
  }

  /** Sends what an encoder sends, in real order and at its time. */
  async send(sink: SourceSink, options: EncoderOptions): Promise<void> {
    sink.config(videoConfig);
    sink.config(audioConfig());
    await settle();
    for (const sample of encode({ gop: 30, ...options, startedAt: Date.now() })) {
      vi.advanceTimersByTime(Math.max(0, sample.arrival - Date.now()));
      sink.sample(sample);
      await Promise.resolve();
    }
    await settle();
  }

  #listen(): void {
    const known = new Set<string>();
    this.bus.onBroadcast((info) => {
      this.infos.push(info);
      if (known.has(info.broadcast)) {
        return;
      }
      known.add(info.broadcast);
      this.bus.onCatalog(info.broadcast, 'source', (value) => this.sources.push(value));
      this.bus.onCatalog(info.broadcast, 'ingest', (value) => this.health.push(value));
      for (const name of ['video', 'audio']) {
        const consumer = this.bus.consume(info.broadcast, trackName(name), { backlog: millis(60_000) });
        void (async () => {
          for await (const frame of consumer) {
            this.frames.push(frame);
          }
        })();
      }
    });
  }
}

/** Lets the disk and everything that waits for it come to an end. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

function publisher(stream = 'show'): Publisher & { readonly reasons: string[] } {
  const reasons: string[] = [];
  return { stream, protocol: 'rtmp', address: '192.0.2.7', clockRate: 1000, reasons, disconnect: (reason) => reasons.push(reason) };
}

async function admit(server: Server, who: Publisher): Promise<SourceSink> {
  const admission = await server.registry.admit(who);
  if (!admission.admitted) {
    throw new Error(admission.message);
  }
  return admission.sink;
}

const states = (server: Server): string[] => server.infos.map((info) => `${info.state} ${info.epoch}`);

describe('a publisher', () => {
  it('makes a broadcast live, with its catalog, its health and its frames', async () => {
    const server = await Server.start();
    await server.send(await admit(server, publisher()), { seconds: 6 });
    expect(states(server)).toEqual(['live 0']);
    expect(server.infos[0]?.broadcast).toMatch(/^[0-9a-f]{16}$/);
    expect(server.sources[0]).toMatchObject({ stream: 'show', protocol: 'rtmp', grouping: { mode: 'source' } });
    expect(server.frames.filter((frame) => frame.track === 'video')).toHaveLength(180);
    expect(server.frames[0]).toMatchObject({ fence: server.sources[0]?.fence, broadcast: server.infos[0]?.broadcast });
    expect(server.health.at(-1)).toMatchObject({ address: '192.0.2.7', warnings: [] });
    expect(server.health.at(-1)?.frameRate).toBeCloseTo(30, 0);
    expect(await server.metrics.metrics()).toContain('millrace_ingest_streams_live 1');
  });

  it('that says nothing leaves nothing behind', async () => {
    const server = await Server.start();
    const sink = await admit(server, publisher());
    sink.end('lost');
    sink.end('lost');
    await settle();
    expect(server.infos).toEqual([]);
    expect(await new FileLedger(folder, log).load()).toEqual([]);
  });

  it('sees a warning as long as its cause lasts', async () => {
    const server = await Server.start();
    const sink = await admit(server, publisher());
    sink.warn('rtmp/unsupported-track', 'Only the first track is used.');
    await server.send(sink, { seconds: 5, gop: 250 });
    expect(server.health.at(-1)?.warnings.map((warning) => warning.code)).toEqual(['rtmp/unsupported-track', 'source/long-gop']);
    await server.send(sink, { seconds: 40, gop: 60, clock: 5000 });
    expect(server.health.at(-1)?.warnings).toEqual([]);
  });

  it('is told when too few of its frames arrive', async () => {
    const server = await Server.start();
    const sink = await admit(server, publisher());
    await server.send(sink, { seconds: 4 });
    await server.send(sink, { seconds: 12, clock: 4000, drop: (n) => n % 5 === 3 });
    expect(server.health.at(-1)?.warnings.map((warning) => warning.code)).toEqual(['source/low-frame-rate']);
  });
});

describe('a second publisher', () => {
  it('is refused while the first is heard, and takes over after two seconds of its silence', async () => {
    const server = await Server.start();
    const first = publisher();
    await server.send(await admit(server, first), { seconds: 4 });
    vi.advanceTimersByTime(1990);
    expect(await server.registry.admit(publisher())).toMatchObject({ admitted: false, code: 'ingest/stream-busy' });
    expect(first.reasons).toEqual([]);
    vi.advanceTimersByTime(60);
    await server.send(await admit(server, publisher()), { seconds: 4 });
    expect(first.reasons).toHaveLength(1);
    expect(states(server)).toEqual(['live 0', 'interrupted 0', 'live 1']);
    expect(new Set(server.infos.map((info) => info.broadcast)).size).toBe(1);
    const fences = server.sources.map((source) => source.fence);
    expect(fences[1]).toBeGreaterThan(fences[0] ?? Infinity);
  });

  it('is refused while anything comes of the first, though it makes no picture yet', async () => {
    const server = await Server.start();
    const first = publisher();
    const sink = await admit(server, first);
    await server.send(sink, { seconds: 3 });
    for (let second = 0; second < 5; second += 1) {
      vi.advanceTimersByTime(1000);
      sink.heard();
      expect((await server.registry.admit(publisher())).admitted).toBe(false);
    }
    vi.advanceTimersByTime(2000);
    expect((await server.registry.admit(publisher())).admitted).toBe(true);
    // What comes late of who was replaced is not heard.
    sink.heard();
    expect(first.reasons).toHaveLength(1);
    vi.advanceTimersByTime(2000);
    expect((await server.registry.admit(publisher())).admitted).toBe(true);
  });

  it.each([['rtmp', 'whip'], ['whip', 'rtmp']] as const)('takes a silent one\'s stream over from %s to %s, within the broadcast; late samples change nothing', async (from, to) => {
    const server = await Server.start();
    const sink = await admit(server, { ...publisher(), protocol: from });
    await server.send(sink, { seconds: 3 });
    vi.advanceTimersByTime(2000);
    const next = await admit(server, { ...publisher(), protocol: to });
    await server.send(sink, { seconds: 1, clock: 5000 });
    expect(states(server)).toEqual(['live 0', 'interrupted 0']);
    await server.send(next, { seconds: 3 });
    expect(states(server)).toEqual(['live 0', 'interrupted 0', 'live 1']);
    expect(server.sources.map(({ protocol, epoch }) => [protocol, epoch])).toEqual([[from, 0], [to, 1]]);
    expect(new Set(server.infos.map(({ broadcast }) => broadcast)).size).toBe(1);
  });

  it('may not be let in before it is heard: the first sends on undisturbed', async () => {
    const server = await Server.start();
    const sink = await admit(server, publisher());
    await server.send(sink, { seconds: 3 });
    for (let attempt = 0; attempt < 50; attempt += 1) {
      await server.registry.admit(publisher());
    }
    await server.send(sink, { seconds: 3, clock: 3000 });
    expect(states(server)).toEqual(['live 0']);
    expect(server.frames.filter((frame) => frame.track === 'video')).toHaveLength(180);
  });

  it('of another stream is refused where the server is full', async () => {
    const server = await Server.start({ maxPublishers: 1 });
    const sink = await admit(server, publisher());
    expect(await server.registry.admit(publisher('other'))).toMatchObject({ admitted: false, code: 'ingest/too-many-publishers' });
    sink.end('unpublished');
    expect((await server.registry.admit(publisher('other'))).admitted).toBe(true);
  });

  it('is refused while the server stops', async () => {
    const server = await Server.start();
    await server.registry.close();
    expect(await server.registry.admit(publisher())).toMatchObject({ admitted: false, code: 'ingest/stopping' });
  });

  it('of another server takes the lease, and the first is disconnected', async () => {
    const server = await Server.start();
    const first = publisher();
    await server.send(await admit(server, first), { seconds: 3 });
    await server.bus.lease('ingest/show');
    await settle();
    expect(first.reasons).toEqual(['Another server has taken this stream over.']);
    expect(states(server)).toEqual(['live 0', 'interrupted 0']);
  });
});

describe('a publisher that returns', () => {
  it.each(['unpublished', 'lost'] as const)('within the grace time continues the broadcast, after it was %s', async (how) => {
    const server = await Server.start();
    const sink = await admit(server, publisher());
    await server.send(sink, { seconds: 4 });
    sink.end(how);
    expect(server.infos.at(-1)).toMatchObject({ state: 'interrupted', graceEnds: Date.now() + GRACE });
    vi.advanceTimersByTime(GRACE - 1500);
    await server.send(await admit(server, publisher()), { seconds: 4 });
    expect(states(server)).toEqual(['live 0', 'interrupted 0', 'live 1']);
    const video = server.frames.filter((frame) => frame.track === 'video');
    const last = video.findLast((frame) => frame.epoch === 0);
    const first = video.find((frame) => frame.epoch === 1);
    expect(first?.group).toBe((last?.group ?? NaN) + 1);
    // The timeline follows the wall clock through the gap.
    expect(((first?.dts ?? 0) - (last?.dts ?? 0)) / 90_000).toBeCloseTo(GRACE / 1000 - 1.5, 0);
  });

  it('after the grace time begins another broadcast', async () => {
    const server = await Server.start();
    const sink = await admit(server, publisher());
    await server.send(sink, { seconds: 4 });
    sink.end('lost');
    vi.advanceTimersByTime(GRACE + 10);
    expect(states(server)).toEqual(['live 0', 'interrupted 0', 'ended 0']);
    await server.send(await admit(server, publisher()), { seconds: 4 });
    expect(states(server)).toEqual(['live 0', 'interrupted 0', 'ended 0', 'live 0']);
    expect(new Set(server.infos.map((info) => info.broadcast)).size).toBe(2);
  });

  it('but sends nothing does not keep the broadcast alive, and may begin another one later', async () => {
    const server = await Server.start();
    const sink = await admit(server, publisher());
    await server.send(sink, { seconds: 4 });
    sink.end('lost');
    vi.advanceTimersByTime(GRACE / 2);
    const silent = await admit(server, publisher());
    await settle();
    vi.advanceTimersByTime(GRACE);
    await settle();
    expect(server.infos.at(-1)?.state).toBe('ended');
    await server.send(silent, { seconds: 4 });
    expect(server.infos.at(-1)).toMatchObject({ state: 'live', epoch: 0 });
    expect(new Set(server.infos.map((info) => info.broadcast)).size).toBe(2);
  });

  it('just before the grace time ends is waited for while it is looked at', async () => {
    const server = await Server.start();
    const sink = await admit(server, publisher());
    await server.send(sink, { seconds: 4 });
    sink.end('lost');
    vi.advanceTimersByTime(GRACE - 300);
    await server.send(await admit(server, publisher()), { seconds: 4, fps: 25, gop: 50 });
    expect(states(server)).toEqual(['live 0', 'interrupted 0', 'live 1']);
  });
});

describe('a server that starts again', () => {
  it('after kill -9 announces the interrupted broadcast and continues it above everything given out', async () => {
    const before = await Server.start();
    // Longer than the grace time: what counts is when the publisher was last alive.
    await before.send(await admit(before, publisher()), { seconds: 35.5 });
    await before.kill();
    vi.setSystemTime(Date.now() + 4000);
    const after = await Server.start();
    expect(after.infos).toMatchObject([{ stream: 'show', state: 'interrupted', broadcast: before.infos[0]?.broadcast, epoch: 0 }]);
    await after.send(await admit(after, publisher()), { seconds: 4 });
    expect(states(after)).toEqual(['interrupted 0', 'live 1']);
    for (const track of ['video', 'audio']) {
      const old = before.frames.filter((frame) => frame.track === track);
      const next = after.frames.filter((frame) => frame.track === track)[0];
      expect(next?.dts).toBeGreaterThan(Math.max(...old.map((frame) => frame.pts)));
      expect(next?.group).toBeGreaterThan(Math.max(...old.map((frame) => frame.group)));
      expect(next?.fence).toBeGreaterThan(old[0]?.fence ?? Infinity);
    }
  });

  it('after a graceful stop continues the broadcast too: it was left interrupted, not ended', async () => {
    const before = await Server.start();
    const who = publisher();
    await before.send(await admit(before, who), { seconds: 4 });
    await before.close();
    expect(states(before)).toEqual(['live 0', 'interrupted 0']);
    expect(who.reasons).toEqual(['The server is stopping. Reconnect in a moment.']);
    vi.setSystemTime(Date.now() + 4000);
    const after = await Server.start();
    await after.send(await admit(after, publisher()), { seconds: 4 });
    expect(states(after)).toEqual(['interrupted 0', 'live 1']);
  });

  it('later than the grace time begins anew', async () => {
    const before = await Server.start();
    await before.send(await admit(before, publisher()), { seconds: 4 });
    await before.kill();
    vi.setSystemTime(Date.now() + GRACE + 1500);
    const after = await Server.start();
    expect(after.infos).toEqual([]);
    await settle();
    expect(await new FileLedger(folder, log).load()).toEqual([]);
  });

  it('ends what nobody returned to', async () => {
    const before = await Server.start();
    await before.send(await admit(before, publisher()), { seconds: 4 });
    await before.kill();
    const after = await Server.start();
    vi.advanceTimersByTime(GRACE + 10);
    expect(states(after)).toEqual(['interrupted 0', 'ended 0']);
  });

  it('with a damaged ledger serves all the same', async () => {
    await writeFile(join(folder, 'show.json'), '{"version":1');
    const server = await Server.start();
    await server.send(await admit(server, publisher()), { seconds: 4 });
    expect(states(server)).toEqual(['live 0']);
  });
});
