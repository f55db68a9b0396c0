import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket as TcpSocket } from 'node:net';
import { randomBytes } from 'node:crypto';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { createCertificate } from './dtls/certificate.ts';
import { writeBindingRequest, type BindingRequest } from './ice/stun-writer.ts';
import { mutated, refingerprinted, unsigned } from './testing/forge.ts';
import { metricValue, openPeer, RecordingHandler, rtpPacket, startTestTransport } from './testing/fixtures.ts';
import { connectPeer, testCertificate, testCredentials } from './testing/peer.ts';
import type { IceCredentials, RtcSession, RtcTransport } from './transport.ts';

type Running = Awaited<ReturnType<typeof startTestTransport>>;
const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  vi.useRealTimers();
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup();
  }
});

async function start(options: Parameters<typeof startTestTransport>[0] = {}): Promise<Running> {
  const one = await startTestTransport(options);
  cleanups.push(() => one.close());
  return one;
}

/** An attacker's socket, which counts what it sends and what comes back. */
class Attacker {
  readonly sent = { packets: 0, bytes: 0 };
  readonly answers: Buffer[] = [];
  readonly #socket: Socket;
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
    this.#socket = createSocket('udp4');
    this.#socket.on('message', (bytes) => this.answers.push(bytes));
    cleanups.push(() => void this.#socket.close());
  }

  get received(): number {
    return this.answers.reduce((sum, { length }) => sum + length, 0);
  }

  async send(bytes: Uint8Array): Promise<void> {
    this.sent.packets += 1;
    this.sent.bytes += bytes.length;
    await new Promise((resolve) => this.#socket.send(bytes, this.#port, '127.0.0.1', resolve));
  }
}

function request(remote: IceCredentials, local: IceCredentials, more: Partial<BindingRequest> = {}): Buffer {
  return writeBindingRequest({
    transaction: randomBytes(12),
    username: `${remote.ufrag}:${local.ufrag}`,
    password: remote.pwd,
    priority: 1,
    role: 'controlling',
    tieBreaker: Buffer.alloc(8),
    useCandidate: true,
    ...more,
  });
}

const received = (metrics: Running['metrics']): Promise<number> => metricValue(metrics, 'millrace_rtc_datagrams_received_total', { protocol: 'udp' });
const dropped = (metrics: Running['metrics'], reason: string): Promise<number> => metricValue(metrics, 'millrace_rtc_datagrams_dropped_total', { reason });

async function openSession(transport: RtcTransport, handler = new RecordingHandler()): Promise<{ session: RtcSession; local: IceCredentials }> {
  const local = testCredentials();
  return { local, session: transport.open({ ice: local, fingerprints: [(await testCertificate()).fingerprint] }, handler) };
}

function sendOne(transport: RtcTransport, session: RtcSession): void {
  const packet = rtpPacket({ sequence: 1, length: 200 });
  transport.batch.reset(session.overhead);
  transport.batch.bytes.set(packet, transport.batch.add(packet.length));
  session.send(transport.batch);
}

describe('forged STUN', () => {
  it.each<[string, string, (session: RtcSession, local: IceCredentials) => Buffer]>([
    ['with a wrong password', 'forged-stun', (session, local) => request({ ...session.local, pwd: 'x'.repeat(24) }, local)],
    ['with another peer\'s user name', 'forged-stun', (session) => request(session.local, testCredentials())],
    ['for a session that is not', 'unknown-ufrag', (_session, local) => request(testCredentials(), local)],
    ['without a password', 'unsigned-stun', (session, local) => unsigned(request(session.local, local))],
    ['with a broken fingerprint', 'malformed-stun', (session, local) => broken(request(session.local, local))],
    ['that answers what nobody asked', 'unexpected-stun', (session, local) => asResponse(request(session.local, local))],
  ])('%s is not answered and moves nothing', async (_what, reason, forge) => {
    const { transport, metrics } = await start();
    const handler = new RecordingHandler();
    const local = testCredentials();
    const { session, peer } = await openPeer(transport, handler, { local });
    await handler.whenConnected;
    const attacker = new Attacker(transport.port);
    await attacker.send(forge(session, local));
    await expect.poll(() => dropped(metrics, reason)).toBe(1);
    sendOne(transport, session);
    await expect.poll(() => peer.received.verified).toBe(1);
    expect(attacker.answers).toEqual([]);
    expect(session.path?.port).toBe(peer.localPort);
  });

  it('from a known address gets an error that is shorter than it, a hundred in a second at most', async () => {
    const { transport, metrics } = await start();
    const { session, local } = await openSession(transport);
    const attacker = new Attacker(transport.port);
    await attacker.send(request(session.local, local));
    await expect.poll(() => attacker.answers.length).toBe(1);
    const before = await received(metrics);
    const wrong = request({ ...session.local, pwd: 'x'.repeat(24) }, local);
    for (let count = 0; count < 300; count++) {
      await attacker.send(wrong);
    }
    await expect.poll(() => received(metrics)).toBe(before + 300);
    const errors = attacker.answers.slice(1);
    expect(errors.length).toBeGreaterThanOrEqual(100);
    expect(errors.length).toBeLessThanOrEqual(200);
    expect(errors.every((error) => error.length < wrong.length && error.readUInt16BE(0) === 0x0111)).toBe(true);
  });
});

describe('a request of the peer that was recorded', () => {
  it('is not answered from another address, and moves nothing', async () => {
    const { transport, metrics } = await start();
    const handler = new RecordingHandler();
    const local = testCredentials();
    const { session, peer } = await openPeer(transport, handler, { local });
    await handler.whenConnected;
    const [peerSocket, attacker] = [new Attacker(transport.port), new Attacker(transport.port)];
    const recorded = request(session.local, local, { useCandidate: false });
    await peerSocket.send(recorded);
    await expect.poll(() => peerSocket.answers.length).toBe(1);
    await attacker.send(recorded);
    await expect.poll(() => dropped(metrics, 'replayed-stun')).toBe(1);
    expect(attacker.answers).toEqual([]);
    expect(session.path?.port).toBe(peer.localPort);
  });

  it('moves nothing even where it never reached the server, because nobody there can answer the server\'s check', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    const { transport, metrics } = await start();
    const handler = new RecordingHandler();
    const local = testCredentials();
    const { session, peer } = await openPeer(transport, handler, { local });
    await handler.whenConnected;
    vi.advanceTimersByTime(1000);
    const attacker = new Attacker(transport.port);
    for (let count = 0; count < 5; count++) {
      await attacker.send(request(session.local, local));
    }
    await expect.poll(() => metricValue(metrics, 'millrace_rtc_path_checks_total')).toBeGreaterThan(0);
    // Answers and checks: never more than what came.
    await expect.poll(() => attacker.answers.length).toBeGreaterThanOrEqual(5);
    expect(attacker.received).toBeLessThanOrEqual(attacker.sent.bytes);
    sendOne(transport, session);
    await expect.poll(() => peer.received.verified).toBe(1);
    expect(session.path?.port).toBe(peer.localPort);
    expect(handler.pathChanges).toBe(0);
  });

  it('does not take another session\'s address', async () => {
    const { transport, metrics } = await start();
    const handler = new RecordingHandler();
    const victim = await openPeer(transport, handler);
    await handler.whenConnected;
    // The attacker has a session of its own and sends its request under the victim's address: without a proof the victim's packets would go there.
    const { session, local } = await openSession(transport);
    victim.peer.sendRaw(request(session.local, local));
    await expect.poll(() => metricValue(metrics, 'millrace_rtc_path_checks_total')).toBe(1);
    victim.peer.sendRtp(rtpPacket({ sequence: 3, length: 100 }));
    await expect.poll(() => handler.rtpPackets.length).toBe(1);
    expect(session.path).toBeUndefined();
  });
});

describe('noise', () => {
  it('from strangers is never answered', async () => {
    const { transport, metrics } = await start();
    const attacker = new Attacker(transport.port);
    const { session, local } = await openSession(transport);
    const valid = request(session.local, local);
    const kinds: (() => Buffer)[] = [
      () => randomBytes(1 + Math.floor(Math.random() * 1400)),
      () => Buffer.concat([Buffer.from([22, 254, 253, 0, 0]), randomBytes(200)]),
      () => Buffer.concat([Buffer.from([0x80, 96]), randomBytes(1000)]),
      () => Buffer.concat([Buffer.from([0x80, 200]), randomBytes(100)]),
      () => valid.subarray(0, Math.floor(Math.random() * valid.length)),
      () => mutated(valid, Math.random),
      () => Buffer.alloc(0),
    ];
    for (let count = 0; count < 700; count++) {
      await attacker.send(kinds[count % kinds.length]!());
    }
    await expect.poll(() => received(metrics)).toBe(700);
    expect(attacker.received).toBe(0);
    await expect(dropped(metrics, 'handler-failed')).resolves.toBe(0);
    expect(session.path).toBeUndefined();
  });
});

describe('a peer whose certificate is another\'s', () => {
  it('ends its own session and no other', async () => {
    const { transport } = await start();
    const [good, bad] = [new RecordingHandler(), new RecordingHandler()];
    const { peer } = await openPeer(transport, good);
    await good.whenConnected;
    const local = testCredentials();
    const session = transport.open({ ice: local, fingerprints: [(await testCertificate()).fingerprint] }, bad);
    const impostor = connectPeer({ local, remote: session.local, candidates: transport.candidates, fingerprint: transport.fingerprint, certificate: await createCertificate() });
    await expect(impostor).rejects.toThrow('the server refused the handshake');
    expect(bad.reason).toBe('dtls-failed');
    peer.sendRtp(rtpPacket({ sequence: 1, length: 100 }));
    await expect.poll(() => good.rtpPackets.length).toBe(1);
    expect(transport.counts).toEqual({ connecting: 0, connected: 1 });
  });
});

describe('sessions that nobody comes to', () => {
  it('never keep others out: 10,000 of them, and a viewer still connects', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    const { transport, metrics } = await start({ maxRtcSessions: 400 });
    const connected = new RecordingHandler();
    await openPeer(transport, connected);
    await connected.whenConnected;
    const fingerprints = [(await testCertificate()).fingerprint];
    let refused = 0;
    for (let count = 0; count < 10_000; count++) {
      try {
        transport.open({ ice: testCredentials(), fingerprints }, new RecordingHandler());
      } catch {
        refused += 1;
      }
      if (count % 100 === 0) {
        vi.advanceTimersByTime(250);
        // The viewer's own checks are read meanwhile.
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      expect(transport.counts.connecting).toBeLessThanOrEqual(200);
    }
    expect(refused).toBeGreaterThan(0);
    vi.advanceTimersByTime(2000);
    const handler = new RecordingHandler();
    await openPeer(transport, handler);
    await handler.whenConnected;
    expect(connected.reason).toBeUndefined();
    await expect(metricValue(metrics, 'millrace_rtc_refused_total', { reason: 'too-many-sessions' })).resolves.toBe(refused);
  });
});

describe('TCP', () => {
  function dial(port: number): TcpSocket {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('error', () => {});
    socket.resume();
    cleanups.push(() => void socket.destroy());
    return socket;
  }

  it('ends connections that prove nothing within 5 s', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    const { transport, metrics } = await start();
    const socket = dial(transport.port);
    await expect.poll(() => metricValue(metrics, 'millrace_rtc_tcp_connections')).toBe(1);
    vi.advanceTimersByTime(4500);
    await expect(metricValue(metrics, 'millrace_rtc_tcp_connections')).resolves.toBe(1);
    vi.advanceTimersByTime(1000);
    await once(socket, 'close');
  });

  it('has 16 strangers from one address and no more, and a peer from there still connects', async () => {
    const { transport, metrics } = await start();
    Array.from({ length: 40 }, () => dial(transport.port));
    await expect.poll(() => metricValue(metrics, 'millrace_rtc_refused_total', { reason: 'tcp-connections' })).toBe(24);
    await expect(metricValue(metrics, 'millrace_rtc_tcp_connections')).resolves.toBe(16);
    const handler = new RecordingHandler();
    await openPeer(transport, handler, { tcp: true });
    await handler.whenConnected;
    await expect.poll(() => metricValue(metrics, 'millrace_rtc_tcp_connections')).toBe(16);
  });

  it('ends a connection whose frame is longer than any packet', async () => {
    const { transport } = await start();
    const socket = dial(transport.port);
    socket.write(Buffer.from([0xff, 0xff, 0, 1]));
    await once(socket, 'close');
  });

  it('bounds what waits for a peer that does not read', async () => {
    const { transport, metrics } = await start();
    const handler = new RecordingHandler();
    const { session, peer } = await openPeer(transport, handler, { tcp: true });
    await handler.whenConnected;
    peer.pause();
    let packets = 0;
    // The kernels' buffers fill first, then ours.
    while (session.sent.dropped === 0 && packets < 400_000) {
      transport.batch.reset(session.overhead);
      for (let at = 0; at < 40; at++, packets++) {
        const packet = rtpPacket({ sequence: packets & 0xffff, length: 1200 });
        transport.batch.bytes.set(packet, transport.batch.add(packet.length));
      }
      session.send(transport.batch);
      await new Promise(setImmediate);
    }
    expect(session.sent.dropped).toBeGreaterThan(0);
    expect(session.sent.packets + session.sent.dropped).toBe(packets);
    await expect(dropped(metrics, 'queue-full')).resolves.toBe(session.sent.dropped);
    expect(session.state).toBe('connected');
  });
});

function broken(bytes: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, -1), Buffer.from([bytes.at(-1)! ^ 1])]);
}

function asResponse(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt16BE(0x0101, 0);
  return refingerprinted(copy);
}
