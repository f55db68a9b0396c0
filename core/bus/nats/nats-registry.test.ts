import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { Registry } from 'prom-client';

import { broadcastId } from '../../media/frame.ts';
import { millis, wallTime } from '../../media/time.ts';
import { createLog } from '../../runtime/log.ts';
import type { BroadcastInfo, SourceCatalog } from '../catalog.ts';
import { testFrame } from '../testing/frames.ts';
import { connectNats, type NatsBus, type NatsOptions } from './connect.ts';
import { startNatsServer, type TestNatsServer } from './testing/nats-server.ts';

const { log } = createLog({ level: 'silent' });
const soon = { timeout: 10_000, interval: 5 };

/** One server and its processes for all tests: each has names of its own. */
let server: TestNatsServer;
const open: NatsBus[] = [];

beforeAll(async () => {
  server = await startNatsServer({ config: 'max_payload: 65536' });
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((bus) => bus.close()));
});
afterAll(() => server.stop());

async function join(node: string, more: Partial<NatsOptions> = {}): Promise<NatsBus> {
  const bus = await connectNats({ url: server.url, node, log, ...more });
  open.push(bus);
  return bus;
}

function info(name: string, more: Partial<BroadcastInfo> = {}): BroadcastInfo {
  return { stream: name, broadcast: broadcastId(`broadcast${name}`), epoch: 0, state: 'live', startedAt: wallTime(1_000_000), ...more };
}

async function stored(bucket: string): Promise<{ readonly num_subjects: number; readonly messages: number }> {
  const { account_details } = (await server.monitor('/jsz?streams=true')) as {
    readonly account_details: readonly { readonly stream_detail: readonly { readonly name: string; readonly state: { readonly num_subjects: number; readonly messages: number } }[] }[];
  };
  return account_details[0]!.stream_detail.find(({ name }) => name === `KV_millrace-${bucket}`)!.state;
}

describe('the registry over NATS', () => {
  it('gives the bytes of codec descriptions back as bytes', async () => {
    const [near, far] = [await join('a'), await join('b')];
    const { config } = testFrame(1, 0).head!;
    const source: SourceCatalog = { stream: 'x', broadcast: info('bytes').broadcast, epoch: 0, fence: 5, protocol: 'rtmp', grouping: {} as SourceCatalog['grouping'], tracks: [{ name: 'video' as never, config, bitrate: 0 }] };
    near.putCatalog(info('bytes').broadcast, 'source', source);
    const seen = await new Promise((resolve) => far.onCatalog(info('bytes').broadcast, 'source', resolve));
    expect(seen).toEqual(source);
  });

  it('refuses catalogs and announcements of who was overtaken, wherever they come in', async () => {
    const [near, far] = [await join('a'), await join('b')];
    const { broadcast } = info('zombie');
    const source = (fence: number) => ({ stream: 'zombie', broadcast, epoch: 0, fence, protocol: 'rtmp', grouping: {}, tracks: [] }) as unknown as SourceCatalog;
    const fences: number[] = [];
    const states: string[] = [];
    far.onCatalog(broadcast, 'source', ({ fence }) => fences.push(fence));
    far.onBroadcast(({ stream, state, fence }) => (stream === 'zombie' ? states.push(`${state} ${fence}`) : undefined));
    near.announce(info('zombie', { fence: 7 }));
    near.putCatalog(broadcast, 'source', source(7));
    await vi.waitFor(() => expect([states, fences]).toEqual([['live 7'], [7]]), soon);
    near.announce(info('zombie', { fence: 6, state: 'ended' }));
    far.announce(info('zombie', { fence: 6, state: 'ended' }));
    far.putCatalog(broadcast, 'source', source(6));
    near.announce(info('zombie', { fence: 8 }));
    near.putCatalog(broadcast, 'source', source(8));
    await vi.waitFor(() => expect([states, fences]).toEqual([['live 7', 'live 8'], [7, 8]]), soon);
  });

  it('sums the audience over the processes that live', async () => {
    const [one, two, asking] = [await join('edge-1'), await join('edge-2'), await join('control')];
    const { broadcast } = info('audience');
    const seen: unknown[] = [];
    asking.announce(info('audience'));
    asking.onCatalog(broadcast, 'audience', ({ viewers }) => seen.push(viewers));
    one.putCatalog(broadcast, 'audience', { viewers: { hls: 3 } });
    two.putCatalog(broadcast, 'audience', { viewers: { hls: 2, webrtc: 1 } });
    await vi.waitFor(() => expect(seen.at(-1)).toEqual({ hls: 5, webrtc: 1 }), soon);
    await two.close();
    await vi.waitFor(() => expect(seen.at(-1)).toEqual({ hls: 3 }), soon);
  });

  it('forgets what ended, on the server too, with its catalog', async () => {
    const [near, far] = [await join('a', { forgetAfter: millis(300) }), await join('b', { forgetAfter: millis(300) })];
    const { broadcast } = info('forgotten');
    const before = { broadcasts: (await stored('broadcasts')).num_subjects, catalogs: (await stored('catalogs')).num_subjects };
    near.announce(info('forgotten'));
    near.putCatalog(broadcast, 'transcode', { speed: 1, lag: millis(0), restarts: 0, warnings: [] });
    far.putCatalog(broadcast, 'audience', { viewers: { hls: 1 } });
    await vi.waitFor(async () => expect((await stored('catalogs')).num_subjects).toBeGreaterThanOrEqual(before.catalogs + 2), soon);
    near.announce(info('forgotten', { state: 'ended' }));
    await vi.waitFor(async () => {
      const known: string[] = [];
      far.onBroadcast(({ stream }) => known.push(stream))();
      expect(known).not.toContain('forgotten');
      const sections: unknown[] = [];
      far.onCatalog(broadcast, 'transcode', (value) => sections.push(value))();
      far.onCatalog(broadcast, 'audience', (value) => sections.push(value))();
      expect(sections).toEqual([]);
    }, soon);
    const late: string[] = [];
    (await join('late')).onBroadcast(({ stream }) => late.push(stream));
    expect(late).not.toContain('forgotten');
  });

  it('writes the newest of what is told often, and not all of it', async () => {
    const [near, far] = [await join('a'), await join('b')];
    const { broadcast } = info('often');
    near.announce(info('often'));
    const seen: number[] = [];
    far.onCatalog(broadcast, 'transcode', ({ restarts }) => seen.push(restarts));
    for (let restarts = 1; restarts <= 1000; restarts += 1) {
      near.putCatalog(broadcast, 'transcode', { speed: 1, lag: millis(0), restarts, warnings: [] });
    }
    await vi.waitFor(() => expect(seen.at(-1)).toBe(1000), soon);
    expect(seen.length).toBeLessThan(5);
  });

  it('is told of leases, values and names with any character', async () => {
    const [near, far] = [await join('a'), await join('b')];
    const name = 'ledger/Zoë.*> =%20';
    await near.shared.put(name, { $bytes: 1, plain: new Uint8Array([1]) });
    expect(await far.shared.get(name)).toEqual({ $bytes: 1, plain: new Uint8Array([1]) });
    expect((await near.lease(name)).fence).toBeLessThan((await far.lease(name)).fence);
    near.serve(name, () => 'served');
    await vi.waitFor(async () => expect(await far.request(name, {})).toBe('served'), soon);
  });

  it('says so where something is too large', async () => {
    const [near, far] = [await join('a'), await join('b')];
    await expect(near.shared.put('large', 'x'.repeat(65_536))).rejects.toMatchObject({ code: 'bus/too-large' });
    expect(() => near.putCatalog(info('large').broadcast, 'transcode', { speed: 1, lag: millis(0), restarts: 0, warnings: [{ code: 'x', message: 'x'.repeat(300_000), since: wallTime(0) }] })).toThrow(
      expect.objectContaining({ code: 'bus/too-large' }),
    );
    near.serve('large', (payload) => 'x'.repeat(payload as number));
    await vi.waitFor(async () => expect(await far.request('large', 10)).toBe('x'.repeat(10)), soon);
    await expect(far.request('large', 70_000)).rejects.toMatchObject({ code: 'bus/too-large' });
    await expect(far.request('large', 'x'.repeat(70_000))).rejects.toMatchObject({ code: 'bus/too-large' });
  });

  it('asks who serves a subject in the same process before the others, and any of the others', async () => {
    const [one, two, asking] = [await join('a'), await join('b'), await join('c')];
    const stop = one.serve('who', () => 'one');
    two.serve('who', () => 'two');
    await vi.waitFor(async () => expect(await asking.request('who', {})).toBeDefined(), soon);
    expect(await Promise.all([one.request('who', {}), two.request('who', {})])).toEqual(['one', 'two']);
    // While one leaves, no question is lost.
    const answers = Array.from({ length: 100 }, () => asking.request('who', {}));
    stop();
    expect(new Set(await Promise.all(answers)).has('two')).toBe(true);
    expect(new Set(await Promise.all(Array.from({ length: 20 }, () => asking.request('who', {}))))).toEqual(new Set(['two']));
  });

  it('counts its connections, and the time to the server', async () => {
    const metrics = new Registry();
    await join('a', { metrics });
    const text = await metrics.metrics();
    expect(text).toContain('millrace_nats_connected{connection="control"} 1');
    expect(text).toContain('millrace_nats_reconnects_total{connection="media"} 0');
    await vi.waitFor(async () => expect(await metrics.metrics()).toMatch(/millrace_nats_round_trip_seconds_count\{connection="control"\} [1-9]/), soon);
  });
});

describe('leases over NATS', () => {
  it('are won by one of twenty who ask at the same time', { timeout: 20_000 }, async () => {
    const candidates = await Promise.all(Array.from({ length: 20 }, (_, at) => join(`candidate-${at}`)));
    for (let round = 0; round < 5; round += 1) {
      const taken = (await Promise.all(candidates.map((bus) => bus.tryLease(`race/${round}`)))).filter((lease) => lease !== undefined);
      expect(taken).toHaveLength(1);
    }
    const one = candidates[0]!;
    expect((await Promise.all(Array.from({ length: 20 }, () => one.tryLease('race/alone')))).filter((lease) => lease !== undefined)).toHaveLength(1);
  });

  it('go to the last of twenty who take it at the same time, with fences that rise', { timeout: 20_000 }, async () => {
    const takers = await Promise.all(Array.from({ length: 20 }, (_, at) => join(`taker-${at}`)));
    const leases = await Promise.all(takers.map((bus) => bus.lease('grab')));
    expect(new Set(leases.map(({ fence }) => fence)).size).toBe(20);
    const holder = leases.reduce((a, b) => (a.fence > b.fence ? a : b));
    await Promise.all(leases.filter((lease) => lease !== holder).map(({ lost }) => lost));
    expect(await Promise.race([holder.lost.then(() => 'lost'), Promise.resolve('held')])).toBe('held');
  });

  it('are all free at once where their process stops gracefully', { timeout: 20_000 }, async () => {
    const [near, far] = [await join('a'), await join('b')];
    const leases = await Promise.all(Array.from({ length: 200 }, (_, at) => near.lease(`many/${at}`)));
    await near.close();
    await Promise.all(leases.map(({ lost }) => lost));
    await vi.waitFor(async () => expect(await far.tryLease('many/199')).toBeDefined(), { timeout: 1500, interval: 5 });
    expect((await Promise.all(leases.slice(1, -1).map((_, at) => far.tryLease(`many/${at}`)))).every((lease) => lease !== undefined)).toBe(true);
  });
});
