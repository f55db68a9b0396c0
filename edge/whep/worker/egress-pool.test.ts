import { Worker } from 'node:worker_threads';

import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { systemClock } from '#core/media/time.ts';
import { parseOffer } from '#core/rtc/sdp/parse-offer.ts';
import { offerText } from '#core/rtc/sdp/testing/offers.ts';
import { startTestTransport } from '#core/rtc/testing/fixtures.ts';
import { connectPeer, testCertificate, testCredentials, type TestPeer } from '#core/rtc/testing/peer.ts';

import type { ViewerEvent } from '../egress.ts';
import { message, rendition, TestBroadcast } from '../testing/broadcast.ts';
import { EgressPool } from './egress-pool.ts';
import { registerPoolMetrics } from './pool-metrics.ts';

/** Threads take a second to start on a busy machine. */
const PATIENCE = { timeout: 10_000 };

const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) {
    await close();
  }
});

/** Two real threads at a real port, and a live broadcast. */
async function setUp(options: { readonly rtcFastPath?: 'auto' | 'off'; readonly size?: number } = {}) {
  const { size = 2, ...config } = options;
  const bus = createLocalBus();
  const { transport, close } = await startTestTransport(config);
  const startedAt = systemClock();
  const broadcast = new TestBroadcast(bus, 'testbroadcast', 'demo', startedAt);
  broadcast.ladder(rendition('video', 2_000_000));
  let written = 0;
  // Threads have clocks of their own, so this broadcast is as live as can be.
  const camera = setInterval(() => {
    const due = Math.floor(((systemClock() - startedAt) * 30) / 1000);
    broadcast.write('video', written, due);
    written = due;
  }, 20);
  const events: [string, ViewerEvent][] = [];
  const ended: string[] = [];
  const threads: Worker[] = [];
  const pool = new EgressPool({
    size, bus, seats: transport.seats!, log: pino({ level: 'silent' }),
    observer: { connected: () => undefined, event: (viewer, event) => events.push([viewer, event]), ended: (viewer) => ended.push(viewer) },
    spawn: (file, how) => {
      const worker = new Worker(file, how);
      threads.push(worker);
      return worker;
    },
  });
  closers.push(close, () => bus.close(), async () => clearInterval(camera), () => pool.close());
  const watch = async (id: string): Promise<{ readonly peer: TestPeer; readonly packets: Uint8Array[] }> => {
    const local = testCredentials();
    const { fingerprint } = await testCertificate();
    const answer = await pool.create({ id, stream: 'demo', offer: { ...parseOffer(offerText('chromium-156-whep')), ice: local, fingerprints: [fingerprint] } });
    const value = (name: string): string => new RegExp(`^a=${name}:(.*)$`, 'm').exec(answer)?.[1]?.trim() ?? '';
    const packets: Uint8Array[] = [];
    const peer = await connectPeer({
      local,
      remote: { ufrag: value('ice-ufrag'), pwd: value('ice-pwd') },
      candidates: transport.candidates,
      fingerprint: transport.fingerprint,
      onRtp: (packet) => packets.push(packet),
    });
    closers.push(async () => peer.vanish());
    return { peer, packets };
  };
  return { bus, transport, broadcast, pool, threads, events, ended, watch };
}

describe('an egress on worker threads', { timeout: 20_000 }, () => {
  it('sends frames to the viewers of every thread', async () => {
    const { pool, watch, events, transport } = await setUp();
    const viewers = await Promise.all(['a', 'b', 'c', 'd'].map(watch));
    expect(pool.viewersByThread).toEqual([2, 2]);
    expect(transport.counts).toEqual({ connecting: 0, connected: 0 });
    await expect.poll(() => viewers.map(({ packets }) => packets.length >= 10), PATIENCE).toEqual([true, true, true, true]);
    expect(events.filter(([, { name }]) => name === 'active').map(([viewer]) => viewer).sort()).toEqual(['a', 'b', 'c', 'd']);
    expect(events).toContainEqual(['a', expect.objectContaining({ name: 'layers' })]);
  });

  it('tells of messages from the thread that has the viewer', async () => {
    const { watch, events, bus } = await setUp({ size: 1 });
    const { packets } = await watch('a');
    await expect.poll(() => packets.length >= 10, PATIENCE).toBe(true);
    // Another publisher's place in the track is none of this test's: a message on a frame of a later group is enough.
    const later = new TestBroadcast(bus, 'laterbroadcast', 'demo', systemClock());
    later.ladder(rendition('video', 2_000_000));
    later.write('video', 0, 3);
    await expect.poll(() => events.some(([, { name, data }]) => name === 'active' && 'broadcast' in data && data.broadcast === 'laterbroadcast'), PATIENCE).toBe(true);
    later.write('video', 3, 4, { events: [message('e', 9000)] });
    await expect.poll(() => events.find(([, { name }]) => name === 'metadata'), PATIENCE).toEqual([
      'a',
      { name: 'metadata', data: expect.objectContaining({ id: 'e'.repeat(32), type: 'poll', time: 0.1, video: expect.any(Number) as number }) as object },
    ]);
  });

  it('sends through the main thread where there is no native code', async () => {
    const { watch } = await setUp({ rtcFastPath: 'off', size: 1 });
    const { packets } = await watch('a');
    await expect.poll(() => packets.length >= 10, PATIENCE).toBe(true);
  });

  it('takes wishes, restarts and goodbyes to the thread that has the viewer', async () => {
    const { pool, watch, ended } = await setUp({ size: 1 });
    const { peer } = await watch('a');
    expect(await pool.wish('a', { track: 'no-such-rung' })).toBe(false);
    expect(await pool.wish('a', {})).toBe(true);
    expect(await pool.wish('nobody', {})).toBe(false);
    const local = testCredentials();
    const answer = await pool.restart('a', local);
    await peer.restart(local, answer!.ice);
    await expect(pool.restart('a', { ufrag: 'x', pwd: 'short' })).rejects.toMatchObject({ code: 'rtc/bad-peer' });
    expect(await pool.restart('nobody', local)).toBeUndefined();
    pool.remove('a');
    await peer.closed;
    await expect.poll(() => ended, PATIENCE).toEqual(['a']);
    expect(pool.viewersByThread).toEqual([0]);
  });

  it('answers as the main thread does when a stream is off air', async () => {
    const { pool } = await setUp({ size: 1 });
    const offer = parseOffer(offerText('chromium-156-whep'));
    await expect(pool.create({ id: 'a', stream: 'quiet', offer })).rejects.toMatchObject({ name: 'Refusal', status: 409, code: 'offline', retryAfter: 1 });
    expect(pool.viewersByThread).toEqual([0]);
  });

  it('loses only the viewers of a thread that dies, and starts another', async () => {
    const { pool, watch, threads, ended } = await setUp();
    const [lost, kept] = await Promise.all([watch('lost'), watch('kept')]);
    const registry = new Registry();
    registerPoolMetrics(registry, pool);
    await threads[0]!.terminate();
    await expect.poll(() => ended, PATIENCE).toEqual(['lost']);
    expect(pool.viewersByThread).toEqual([0, 1]);
    const before = kept.packets.length;
    await expect.poll(() => kept.packets.length >= before + 10, PATIENCE).toBe(true);
    lost.peer.vanish();
    await expect.poll(() => threads.length, PATIENCE).toBe(3);
    const again = await watch('again');
    await expect.poll(() => again.packets.length > 0, PATIENCE).toBe(true);
    expect(pool.viewersByThread).toEqual([1, 1]);
    expect(await registry.metrics()).toContain('millrace_whep_worker_restarts_total 1');
    expect(await registry.metrics()).toContain('millrace_whep_worker_viewers{worker="2"} 1');
  });

  it('says goodbye to every viewer when it closes, and leaves no thread', async () => {
    const { pool, watch, threads, ended } = await setUp();
    const viewers = await Promise.all([watch('a'), watch('b')]);
    await expect.poll(() => viewers.map(({ packets }) => packets.length > 0), PATIENCE).toEqual([true, true]);
    const closing = pool.close();
    await Promise.all(viewers.map(({ peer }) => peer.closed));
    await closing;
    expect(ended.sort()).toEqual(['a', 'b']);
    expect(threads.map(({ threadId }) => threadId)).toEqual([-1, -1]);
    await expect(pool.create({ id: 'c', stream: 'demo', offer: parseOffer(offerText('chromium-156-whep')) })).rejects.toMatchObject({ status: 503 });
    const facts = pool.facts();
    expect(facts.totals.packets).toBeGreaterThan(0);
    expect(facts.viewers).toBe(0);
  });
});
