import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { createCertificate } from './dtls/certificate.ts';
import { HANDSHAKE_TYPE } from './dtls/handshake-messages.ts';
import { readRecords } from './dtls/record.ts';
import { ATTRIBUTE, fingerprintOf, HEADER_BYTES, integrityOf, MAGIC_COOKIE, parseStun } from './ice/stun-message.ts';
import { writeBindingSuccess } from './ice/stun-writer.ts';
import { metricValue, openPeer, RecordingHandler, rtpPacket, startTestTransport } from './testing/fixtures.ts';
import { connectPeer, testCertificate, testCredentials } from './testing/peer.ts';
import type { IceCredentials, RtcSession, RtcTransport } from './transport.ts';

const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  vi.useRealTimers();
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup();
  }
});

async function start(options: Parameters<typeof startTestTransport>[0] = {}): ReturnType<typeof startTestTransport> {
  const one = await startTestTransport(options);
  cleanups.push(() => one.close());
  return one;
}

/** A socket of the peer's that does what a test says, and what came to it. With a password it answers the server's checks. */
function openSocket(port: number, pwd?: string): { readonly answers: Buffer[]; readonly send: (bytes: Uint8Array) => void } {
  const answers: Buffer[] = [];
  const socket = createSocket('udp4').on('message', (bytes) => {
    answers.push(bytes);
    const message = parseStun(bytes);
    if (message?.class === 'request' && pwd !== undefined) {
      socket.send(writeBindingSuccess(message.transaction, { address: '127.0.0.1', port }, pwd), port, '127.0.0.1');
    }
  });
  cleanups.push(() => void socket.close());
  return { answers, send: (bytes) => socket.send(bytes, port, '127.0.0.1') };
}

async function openSession(transport: RtcTransport, handler = new RecordingHandler()): Promise<{ session: RtcSession; local: IceCredentials }> {
  const local = testCredentials();
  return { local, session: transport.open({ ice: local, fingerprints: [(await testCertificate()).fingerprint], setup: 'passive' }, handler) };
}

/** A check as ffmpeg sends it: no PRIORITY, no role. */
function bareRequest(remote: IceCredentials, local: IceCredentials): Buffer {
  const username = Buffer.from(`${remote.ufrag}:${local.ufrag}`);
  const padded = (username.length + 3) & ~3;
  const integrityAt = HEADER_BYTES + 4 + padded + 4;
  const bytes = Buffer.alloc(integrityAt + 24 + 8);
  bytes.writeUInt16BE(1, 0);
  bytes.writeUInt16BE(bytes.length - HEADER_BYTES, 2);
  bytes.writeUInt32BE(MAGIC_COOKIE, 4);
  randomBytes(12).copy(bytes, 8);
  bytes.writeUInt32BE((ATTRIBUTE.username << 16) | username.length, HEADER_BYTES);
  username.copy(bytes, HEADER_BYTES + 4);
  bytes.writeUInt32BE(ATTRIBUTE.useCandidate << 16, integrityAt - 4);
  bytes.writeUInt32BE((ATTRIBUTE.messageIntegrity << 16) | 20, integrityAt);
  integrityOf(bytes, integrityAt, remote.pwd).copy(bytes, integrityAt + 4);
  bytes.writeUInt32BE(((ATTRIBUTE.fingerprint << 16) | 4) >>> 0, bytes.length - 8);
  bytes.writeUInt32BE(fingerprintOf(bytes, bytes.length - 8), bytes.length - 4);
  return bytes;
}

const hellos = (datagrams: readonly Buffer[]): Buffer[] => datagrams.filter((bytes) => readRecords(bytes)[0]?.fragment[0] === HANDSHAKE_TYPE.clientHello);

describe('a peer that waits for DTLS', () => {
  it.each([
    { protocol: 'udp', profile: 7 as const },
    { protocol: 'udp', profile: 1 as const },
    { protocol: 'tcp', profile: 7 as const },
  ])('is greeted over $protocol with SRTP profile $profile; media flow both ways, and each says goodbye', async ({ protocol, profile }) => {
    const { transport } = await start();
    const handler = new RecordingHandler();
    const rtp: Buffer[] = [];
    const { session, peer } = await openPeer(transport, handler, { passive: true, tcp: protocol === 'tcp', profiles: [profile], onRtp: (packet) => rtp.push(Buffer.from(packet)) });
    await handler.whenConnected;
    expect(session).toMatchObject({ state: 'connected', overhead: profile === 7 ? 16 : 10, path: { port: peer.localPort, protocol } });
    expect(session.rtt).toBeGreaterThan(0);
    const packet = rtpPacket({ sequence: 7, length: 600 });
    transport.batch.reset(session.overhead);
    transport.batch.bytes.set(packet, transport.batch.add(packet.length));
    session.send(transport.batch);
    await expect.poll(() => rtp).toEqual([packet]);
    peer.sendRtp(rtpPacket({ sequence: 9, length: 300 }));
    await expect.poll(() => handler.rtpPackets).toEqual([rtpPacket({ sequence: 9, length: 300 })]);

    await peer.close();
    await expect(handler.whenClosed).resolves.toBe('peer-closed');
    const another = new RecordingHandler();
    const second = await openPeer(transport, another, { passive: true, tcp: protocol === 'tcp' });
    // The peer is through before we have its Finished.
    await another.whenConnected;
    second.session.close();
    await second.peer.closed;
  });

  it('moves, and is followed, as any other', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    const { transport } = await start();
    const handler = new RecordingHandler();
    const { session, peer } = await openPeer(transport, handler, { passive: true });
    await handler.whenConnected;
    vi.advanceTimersByTime(1000);
    await peer.move();
    await expect.poll(() => handler.pathChanges).toBe(1);
    expect(session.path?.port).toBe(peer.localPort);
  });

  it('hears nothing before it has called with the right password', async () => {
    const { transport, metrics } = await start();
    const { session, local } = await openSession(transport);
    const { answers, send } = openSocket(transport.port, local.pwd);
    send(bareRequest({ ...session.local, pwd: 'x'.repeat(24) }, local));
    send(randomBytes(80));
    await expect.poll(() => metricValue(metrics, 'millrace_rtc_datagrams_received_total', { protocol: 'udp' })).toBe(2);
    expect(answers).toEqual([]);
    // The bare request of ffmpeg is good: it is checked, and with its proof come the answer and the hello, in this order.
    const request = bareRequest(session.local, local);
    send(request);
    await expect.poll(() => answers.length).toBe(3);
    expect(answers.map((bytes) => parseStun(bytes)?.class)).toEqual(['request', 'success', undefined]);
    expect(hellos(answers)).toEqual([answers[2]]);
    expect(answers[0]!.length).toBeLessThan(request.length);
  });

  it('hears no hello, and no more than it sends, where it does not answer the server\'s checks', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
    const { transport, metrics } = await start();
    const handler = new RecordingHandler();
    const { session, local } = await openSession(transport, handler);
    const { answers, send } = openSocket(transport.port);
    let sent = 0;
    for (let count = 1; count <= 20; count++) {
      const request = bareRequest(session.local, local);
      send(request);
      sent += request.length;
      await expect.poll(() => metricValue(metrics, 'millrace_rtc_datagrams_received_total', { protocol: 'udp' })).toBe(count);
      vi.advanceTimersByTime(250);
    }
    // Its turns: checks of the server, and answers to its own.
    await expect.poll(() => answers.filter((bytes) => parseStun(bytes)?.class === 'success').length).toBeGreaterThanOrEqual(9);
    await expect.poll(() => answers.filter((bytes) => parseStun(bytes)?.class === 'request').length).toBeGreaterThanOrEqual(9);
    expect(Buffer.concat(answers).length).toBeLessThanOrEqual(sent);
    expect(hellos(answers)).toEqual([]);
    vi.advanceTimersByTime(15_000);
    vi.advanceTimersByTime(15_000);
    await expect(handler.whenClosed).resolves.toBe('connect-timeout');
  });

  it('gets eight hellos and no more where it never answers them, and none once its time is over', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
    const { transport } = await start();
    const handler = new RecordingHandler();
    const { session, local } = await openSession(transport, handler);
    const { answers, send } = openSocket(transport.port, local.pwd);
    const request = bareRequest(session.local, local);
    send(request);
    await expect.poll(() => hellos(answers).length).toBeGreaterThan(0);
    for (let second = 0; second < 29; second++) {
      vi.advanceTimersByTime(1000);
    }
    await expect.poll(() => hellos(answers).length).toBe(8);
    vi.advanceTimersByTime(2000);
    await expect(handler.whenClosed).resolves.toBe('connect-timeout');
    // Whatever it asks for later.
    vi.advanceTimersByTime(30_000);
    send(request);
    await new Promise((resolve) => setImmediate(resolve));
    expect(hellos(answers)).toHaveLength(8);
    expect(Buffer.concat(hellos(answers)).length).toBeLessThan(1200);
  });

  it('is greeted no more once its session is closed', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
    const { transport } = await start();
    const { session, local } = await openSession(transport);
    const { answers, send } = openSocket(transport.port, local.pwd);
    send(bareRequest(session.local, local));
    await expect.poll(() => hellos(answers).length).toBeGreaterThan(0);
    session.close();
    expect(vi.getTimerCount()).toBe(1);
    await new Promise((resolve) => setImmediate(resolve));
    const before = hellos(answers).length;
    vi.advanceTimersByTime(5000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(hellos(answers)).toHaveLength(before);
  });

  it('with another\'s certificate ends its own session and no other', async () => {
    const { transport } = await start();
    const other = new RecordingHandler();
    const { session: others } = await openPeer(transport, other, { passive: true });
    const handler = new RecordingHandler();
    const local = testCredentials();
    const session = transport.open({ ice: local, fingerprints: [(await createCertificate()).fingerprint], setup: 'passive' }, handler);
    await expect(connectPeer({ local, remote: session.local, candidates: transport.candidates, fingerprint: transport.fingerprint, passive: true })).rejects.toThrow(/refused/);
    await expect(handler.whenClosed).resolves.toBe('dtls-failed');
    expect(others.state).toBe('connected');
  });
});
