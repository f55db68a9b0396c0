import { afterEach, describe, expect, it, vi } from 'vitest';

import { metricValue, openPeer, RecordingHandler, rtpPacket, startTestTransport } from './testing/fixtures.ts';
import { testCredentials } from './testing/peer.ts';
import type { RtcSession, RtcTransport } from './transport.ts';

type Running = Awaited<ReturnType<typeof startTestTransport>>;
const running: Running[] = [];

async function start(): Promise<Running> {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  const one = await startTestTransport();
  running.push(one);
  return one;
}

afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(running.splice(0).map((one) => one.close()));
});

describe('a peer that moves', () => {
  it.each(['udp', 'tcp'])('is followed over %s once it has answered from there, and its owner is told', async (protocol) => {
    const { transport, metrics } = await start();
    const handler = new RecordingHandler();
    const got: Uint8Array[] = [];
    const { session, peer } = await openPeer(transport, handler, { tcp: protocol === 'tcp', onRtp: (packet) => got.push(packet) });
    await handler.whenConnected;
    const before = peer.localPort;
    vi.advanceTimersByTime(1000);
    await peer.move();
    expect(peer.localPort).not.toBe(before);
    await expect.poll(() => handler.pathChanges).toBe(1);
    expect(session.path).toMatchObject({ port: peer.localPort, protocol });
    send(transport, session, 5);
    await expect.poll(() => got.length).toBe(1);
    peer.sendRtp(rtpPacket({ sequence: 6, length: 100 }));
    await expect.poll(() => handler.rtpPackets.length).toBe(1);
    await expect(metricValue(metrics, 'millrace_rtc_path_changes_total')).resolves.toBe(1);
  });

  it('is not followed where it does not answer', async () => {
    const { transport } = await start();
    const handler = new RecordingHandler();
    const { session, peer } = await openPeer(transport, handler);
    await handler.whenConnected;
    const before = peer.localPort;
    vi.advanceTimersByTime(1000);
    peer.ice.answers = false;
    const moving = peer.move();
    await expect.poll(() => peer.ice.checked).toBe(1);
    // It is not kept waiting for ever: its next request is answered.
    vi.advanceTimersByTime(200);
    await moving;
    expect(session.path?.port).toBe(before);
    expect(handler.pathChanges).toBe(0);
  });

  it('is followed without a nomination where its old path is silent', async () => {
    const { transport } = await start();
    const handler = new RecordingHandler();
    const { session, peer } = await openPeer(transport, handler);
    await handler.whenConnected;
    const before = peer.localPort;
    vi.advanceTimersByTime(1000);
    await peer.move({ useCandidate: false });
    expect(peer.ice.checked).toBe(0);
    expect(session.path?.port).toBe(before);
    // Two steps, so that no step is longer than the peer's own checks come.
    vi.advanceTimersByTime(6000);
    await peer.check(false);
    await expect.poll(() => session.path?.port).toBe(peer.localPort);
  });
});

describe('a peer that sends no checks', () => {
  it('keeps its session as long as it answers those of the server', async () => {
    const { transport, metrics } = await start();
    const handler = new RecordingHandler();
    const { peer } = await openPeer(transport, handler);
    await handler.whenConnected;
    peer.ice.asks = false;
    const checks = (): Promise<number> => metricValue(metrics, 'millrace_rtc_path_checks_total');
    for (let round = 1; round <= 8; round++) {
      vi.advanceTimersByTime(5750);
      await expect.poll(checks).toBe(round);
      await expect.poll(() => peer.ice.checked).toBe(round);
      peer.sendRtp(rtpPacket({ sequence: round, length: 100 }));
      // Behind the answer on the same socket: it has been read by then.
      await expect.poll(() => handler.rtpPackets.length).toBe(round);
    }
    expect(handler.reason).toBeUndefined();
    peer.ice.answers = false;
    vi.advanceTimersByTime(20_250);
    expect(handler.reason).toBe('consent-lost');
  });
});

describe('an ICE restart', () => {
  it('keeps the old credentials until the new ones are used, and the media flowing', async () => {
    const { transport, metrics } = await start();
    const handler = new RecordingHandler();
    const { session, peer } = await openPeer(transport, handler);
    await handler.whenConnected;
    const old = session.local;
    const local = testCredentials();
    const fresh = session.restart(local);
    expect(fresh).not.toEqual(old);
    expect(session.local).toEqual(fresh);
    // Still with the old ones.
    await peer.check();
    const before = { local: peer.ice.local, remote: peer.ice.remote };
    await peer.restart(local, fresh);
    peer.sendRtp(rtpPacket({ sequence: 6, length: 100 }));
    await expect.poll(() => handler.rtpPackets.length).toBe(1);
    // The old ones are gone now.
    peer.ice.local = before.local;
    peer.ice.remote = before.remote;
    peer.sendRaw(peer.ice.request());
    await expect.poll(() => metricValue(metrics, 'millrace_rtc_datagrams_dropped_total', { reason: 'unknown-ufrag' })).toBe(1);
    await expect(metricValue(metrics, 'millrace_rtc_ice_restarts_total')).resolves.toBe(1);
  });

  it('takes the first address that is proven with the new ones, nominated or not', async () => {
    const { transport } = await start();
    const handler = new RecordingHandler();
    const { session, peer } = await openPeer(transport, handler);
    await handler.whenConnected;
    const before = peer.localPort;
    vi.advanceTimersByTime(1000);
    const local = testCredentials();
    const fresh = session.restart(local);
    peer.ice.local = local;
    peer.ice.remote = fresh;
    await peer.move({ useCandidate: false });
    expect(peer.localPort).not.toBe(before);
    await expect.poll(() => session.path?.port).toBe(peer.localPort);
    expect(handler.pathChanges).toBe(1);
    // Only the first: another address must be nominated again.
    const taken = peer.localPort;
    vi.advanceTimersByTime(1000);
    await peer.move({ useCandidate: false });
    expect(peer.ice.checked).toBe(1);
    expect(session.path?.port).toBe(taken);
  });

  it('that is never used gives way to the next', async () => {
    const { transport } = await start();
    const handler = new RecordingHandler();
    const { session, peer } = await openPeer(transport, handler);
    await handler.whenConnected;
    session.restart(testCredentials());
    const local = testCredentials();
    const fresh = session.restart(local);
    await peer.check();
    await peer.restart(local, fresh);
    expect(session.state).toBe('connected');
  });

  it('refuses credentials that cannot be', async () => {
    const { transport } = await start();
    const { session } = await openPeer(transport, new RecordingHandler());
    expect(() => session.restart({ ufrag: 'a', pwd: 'b' })).toThrow(expect.objectContaining({ code: 'rtc/bad-peer' }));
  });
});

describe('a TCP connection that breaks', () => {
  it('leaves the session to its peer\'s next connection', async () => {
    const { transport, metrics } = await start();
    const handler = new RecordingHandler();
    const { session, peer } = await openPeer(transport, handler, { tcp: true });
    await handler.whenConnected;
    await peer.move({ breakFirst: true });
    await expect.poll(() => session.path?.port).toBe(peer.localPort);
    expect(handler.reason).toBeUndefined();
    await expect.poll(() => metricValue(metrics, 'millrace_rtc_tcp_connections')).toBe(1);
  });
});

function send(transport: RtcTransport, session: RtcSession, sequence: number): void {
  const packet = rtpPacket({ sequence, length: 200 });
  transport.batch.reset(session.overhead);
  transport.batch.bytes.set(packet, transport.batch.add(packet.length));
  session.send(transport.batch);
}
