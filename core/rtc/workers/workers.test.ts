import { once } from 'node:events';
import { MessageChannel, Worker } from 'node:worker_threads';

import { pino } from 'pino';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { iceCharOf } from '../ice/credentials.ts';
import { ClientIce } from '../testing/client-ice.ts';
import { metricValue, openPeer, RecordingHandler, rtpPacket, startTestTransport } from '../testing/fixtures.ts';
import { connectPeer, testCertificate, testCredentials, type TestPeerOptions } from '../testing/peer.ts';
import type { Candidate, Fingerprint, IceCredentials, RtcSession, RtcTransport, WorkerSeat } from '../transport.ts';
import { startWorkerTransport } from './worker-transport.ts';

type Main = Awaited<ReturnType<typeof startTestTransport>>;
type Member = { readonly seat: WorkerSeat; readonly transport: RtcTransport };

const running: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  vi.useRealTimers();
  for (const one of running.splice(0).reverse()) {
    await one.close();
  }
});

async function start(config: Parameters<typeof startTestTransport>[0] = {}): Promise<Main> {
  const main = await startTestTransport(config);
  running.push(main);
  return main;
}

/** A worker's transport, in this thread. */
function join({ transport: main }: Main): Member {
  const { port1, port2 } = new MessageChannel();
  const seat = main.seats!.add(port1);
  const transport = startWorkerTransport({ port: port2, setup: seat.setup, log: pino({ level: 'silent' }) });
  running.push(transport);
  return { seat, transport };
}

function send(transport: RtcTransport, session: RtcSession, sequence: number): void {
  transport.batch.reset(session.overhead);
  const packet = rtpPacket({ sequence, length: 500 });
  packet.copy(transport.batch.bytes, transport.batch.add(packet.length));
  session.send(transport.batch);
}

/** A peer of the main thread, and a session of the worker that waits for the same peer. */
async function intrude(main: Main, transport: RtcTransport) {
  const handler = new RecordingHandler();
  const { session, peer } = await openPeer(main.transport, handler);
  await handler.whenConnected;
  const stranger = transport.open({ ice: peer.ice.local, fingerprints: [(await testCertificate()).fingerprint] }, new RecordingHandler());
  return { handler, session, peer, stranger };
}

describe('a worker thread at the WebRTC port', () => {
  it.each<{ readonly name: string; readonly fastPath: 'auto' | 'off'; readonly peer: Partial<TestPeerOptions> }>([
    { name: 'over UDP on the socket itself', fastPath: 'auto', peer: {} },
    { name: 'over UDP through the main thread', fastPath: 'off', peer: {} },
    { name: 'over TCP', fastPath: 'auto', peer: { tcp: true } },
  ])('has sessions that carry media both ways, $name', async ({ fastPath, peer: how }) => {
    const main = await start({ rtcFastPath: fastPath });
    const { transport } = join(main);
    const handler = new RecordingHandler();
    const got: Uint8Array[] = [];
    const { session, peer } = await openPeer(transport, handler, { ...how, onRtp: (packet) => got.push(packet) });
    await handler.whenConnected;
    send(transport, session, 1);
    send(transport, session, 2);
    await expect.poll(() => got.length).toBe(2);
    peer.sendRtp(rtpPacket({ sequence: 9, length: 100 }));
    await expect.poll(() => handler.rtpPackets.length).toBe(1);
    expect(session.path?.port).toBe(peer.localPort);
    expect(main.transport.counts.connected).toBe(0);
    session.close();
    await peer.closed;
  });

  it('is found by the first character of the ufrag, beside others and the main thread', async () => {
    const main = await start();
    const members = [join(main), join(main)];
    expect(members.map(({ seat }) => seat.setup.number)).toEqual([1, 2]);
    const sessions = await Promise.all(
      [main.transport, ...members.map(({ transport }) => transport)].map(async (transport) => {
        const handler = new RecordingHandler();
        const { session, peer } = await openPeer(transport, handler);
        await handler.whenConnected;
        peer.sendRtp(rtpPacket({ sequence: 1, length: 100 }));
        await expect.poll(() => handler.rtpPackets.length).toBe(1);
        return session;
      }),
    );
    expect(sessions.slice(1).map(({ local }) => local.ufrag[0])).toEqual([iceCharOf(1), iceCharOf(2)]);
    expect(members.map(({ transport }) => transport.counts.connected)).toEqual([1, 1]);
    expect(main.transport.counts.connected).toBe(1);
  });

  it('keeps a peer that moves, and one that restarts ICE', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    const main = await start();
    const { transport } = join(main);
    const handler = new RecordingHandler();
    const { session, peer } = await openPeer(transport, handler);
    await handler.whenConnected;
    const nextPeer = testCredentials();
    const next = session.restart(nextPeer);
    expect(next.ufrag[0]).toBe(iceCharOf(1));
    await peer.restart(nextPeer, next);
    vi.advanceTimersByTime(1000);
    await peer.move();
    await expect.poll(() => session.path?.port).toBe(peer.localPort);
    expect(handler.pathChanges).toBe(1);
  });

  it.each([
    { name: 'forged', answers: true, forge: true },
    { name: 'verified, but from an address that does not say it is its own,', answers: false, forge: false },
  ])('gets no address of another thread by a request that is $name', async ({ answers, forge }) => {
    const main = await start();
    const { transport } = join(main);
    const { handler, session, peer, stranger } = await intrude(main, transport);
    peer.ice.answers = answers;
    const request = new ClientIce(peer.ice.local, forge ? { ...stranger.local, pwd: 'x'.repeat(24) } : stranger.local);
    peer.sendRaw(request.request());
    await expect.poll(() => metricValue(main.metrics, forge ? 'millrace_rtc_datagrams_dropped_total' : 'millrace_rtc_path_checks_total', forge ? { reason: 'forged-stun' } : {})).toBe(1);
    peer.sendRtp(rtpPacket({ sequence: 2, length: 100 }));
    await expect.poll(() => handler.rtpPackets.length).toBe(1);
    expect(session.path?.port).toBe(peer.localPort);
    expect(stranger.path).toBeUndefined();
  });

  it('gets an address of another thread when whoever is there says so', async () => {
    const main = await start();
    const { transport } = join(main);
    const { peer, stranger } = await intrude(main, transport);
    peer.sendRaw(new ClientIce(peer.ice.local, stranger.local).request());
    await expect.poll(() => stranger.path?.port).toBe(peer.localPort);
    peer.sendRtp(rtpPacket({ sequence: 2, length: 100 }));
    await expect.poll(() => metricValue(main.metrics, 'millrace_rtc_datagrams_dropped_total', { reason: 'no-keys' })).toBe(1);
  });

  it('frees its addresses and keeps its counts when it leaves', async () => {
    const main = await start();
    const { transport } = join(main);
    const handler = new RecordingHandler();
    const { session, peer } = await openPeer(transport, handler);
    await handler.whenConnected;
    send(transport, session, 1);
    await transport.close();
    await peer.closed;
    await expect.poll(() => metricValue(main.metrics, 'millrace_rtc_packets_sent_total', { protocol: 'udp' })).toBe(1);
    await expect(metricValue(main.metrics, 'millrace_rtc_sessions', { state: 'connected' })).resolves.toBe(0);
    expect(join(main).seat.setup.number).toBe(1);
  });

  it('may end at any moment: its peers are forgotten, its place is free, others are not disturbed', async () => {
    const main = await start();
    const other = join(main);
    const handler = new RecordingHandler();
    const { peer: neighbour } = await openPeer(other.transport, handler);
    await handler.whenConnected;
    const { port1, port2 } = new MessageChannel();
    const seat = main.transport.seats!.add(port1);
    const local = testCredentials();
    const { fingerprint } = await testCertificate();
    const worker = new Worker(new URL('../testing/transport-worker.ts', import.meta.url), {
      workerData: { port: port2, setup: seat.setup, peer: { ice: local, fingerprints: [fingerprint] } },
      transferList: [port2],
    });
    const [facts] = (await once(worker, 'message')) as [{ readonly local: IceCredentials; readonly candidates: readonly Candidate[]; readonly fingerprint: Fingerprint }];
    const got: Uint8Array[] = [];
    const peer = await connectPeer({ local, remote: facts.local, candidates: facts.candidates, fingerprint: facts.fingerprint, onRtp: (packet) => got.push(packet) });
    await expect.poll(() => got.length).toBe(1);
    const answer = once(worker, 'message');
    peer.sendRtp(rtpPacket({ sequence: 3, length: 100 }));
    expect((await answer)[0]).toMatchObject({ received: 100 });
    await worker.terminate();
    await expect.poll(() => join(main).seat.setup.number).toBe(2);
    peer.vanish();
    neighbour.sendRtp(rtpPacket({ sequence: 1, length: 100 }));
    await expect.poll(() => handler.rtpPackets.length).toBe(1);
  });
});
