import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';

import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { startRtcTransport } from './start-transport.ts';
import { metricValue, openPeer, RecordingHandler, rtpPacket, startTestTransport } from './testing/fixtures.ts';
import { testCertificate, testCredentials } from './testing/peer.ts';
import type { PeerParameters, RtcSession, RtcTransport } from './transport.ts';

type Running = Awaited<ReturnType<typeof startTestTransport>>;
const running: Running[] = [];

async function start(options: Parameters<typeof startTestTransport>[0] = {}): Promise<Running> {
  const one = await startTestTransport(options);
  running.push(one);
  return one;
}

afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(running.splice(0).map((one) => one.close()));
});

describe('a session', () => {
  it.each([
    { protocol: 'udp', profile: 7 as const, rtcFastPath: 'auto' as const },
    { protocol: 'udp', profile: 1 as const, rtcFastPath: 'off' as const },
    { protocol: 'tcp', profile: 7 as const, rtcFastPath: 'off' as const },
    { protocol: 'tcp', profile: 1 as const, rtcFastPath: 'auto' as const },
  ])('connects over $protocol with SRTP profile $profile, fast path $rtcFastPath, and carries media both ways', async ({ protocol, profile, rtcFastPath }) => {
    const { transport, metrics } = await start({ rtcFastPath });
    const handler = new RecordingHandler();
    const rtp: Buffer[] = [];
    const rtcp: Buffer[] = [];
    const { session, peer } = await openPeer(transport, handler, {
      tcp: protocol === 'tcp',
      profiles: [profile],
      onRtp: (packet) => rtp.push(Buffer.from(packet)),
      onRtcp: (compound) => rtcp.push(Buffer.from(compound)),
    });
    await handler.whenConnected;
    expect(session).toMatchObject({ state: 'connected', overhead: profile === 7 ? 16 : 10, path: { address: '127.0.0.1', port: peer.localPort, protocol } });
    expect(session.rtt).toBeGreaterThan(0);
    expect(transport.counts).toEqual({ connecting: 0, connected: 1 });
    expect(peer.profile).toBe(profile);

    const packets = [600, 600, 250].map((length, at) => rtpPacket({ sequence: 7 + at, length }));
    send(transport, session, packets);
    session.sendRtcp(pli);
    await expect.poll(() => rtp.length + rtcp.length).toBe(4);
    expect(rtp).toEqual(packets);
    expect(rtcp).toEqual([pli]);
    const bytes = 600 + 600 + 250 + 3 * session.overhead + pli.length + (profile === 7 ? 20 : 14);
    expect(session.sent).toEqual({ packets: 4, bytes, dropped: 0 });
    await expect(metricValue(metrics, 'millrace_rtc_packets_sent_total', { protocol })).resolves.toBe(4);
    await expect(metricValue(metrics, 'millrace_rtc_sent_bytes_total', { protocol })).resolves.toBe(bytes);

    peer.sendRtp(rtpPacket({ sequence: 9, length: 300 }));
    peer.sendRtcp(pli);
    await expect.poll(() => handler.rtpPackets.length + handler.rtcpPackets.length).toBe(2);
    expect(handler.rtpPackets).toEqual([rtpPacket({ sequence: 9, length: 300 })]);
    expect(handler.rtcpPackets).toEqual([pli]);
  });

  it('prefers AES-GCM', async () => {
    const { transport } = await start();
    const { peer } = await openPeer(transport, new RecordingHandler(), { profiles: [1, 7] });
    expect(peer.profile).toBe(7);
  });

  it.each(['udp', 'tcp'])('ends when the peer says so, over %s', async (protocol) => {
    const { transport } = await start();
    const handler = new RecordingHandler();
    const { session, peer } = await openPeer(transport, handler, { tcp: protocol === 'tcp' });
    await peer.close();
    await expect(handler.whenClosed).resolves.toBe('peer-closed');
    expect(session).toMatchObject({ state: 'closed', path: undefined });
    expect(transport.counts).toEqual({ connecting: 0, connected: 0 });
  });

  it.each(['udp', 'tcp'])('says goodbye over %s when it is closed, once', async (protocol) => {
    const { transport } = await start();
    const handler = new RecordingHandler();
    const closed = vi.spyOn(handler, 'closed');
    const { session, peer } = await openPeer(transport, handler, { tcp: protocol === 'tcp' });
    await handler.whenConnected;
    session.close();
    session.close('dtls-failed');
    await peer.closed;
    expect(closed.mock.calls).toEqual([['closed']]);
    send(transport, session, [rtpPacket({ sequence: 1, length: 100 })]);
    session.sendRtcp(pli);
    expect(session.sent.dropped).toBe(2);
  });

  it('drops media, counted, before it is connected', async () => {
    const { transport, metrics } = await start();
    const session = transport.open(await peerParameters(), new RecordingHandler());
    expect(session).toMatchObject({ state: 'connecting', path: undefined, rtt: undefined });
    send(transport, session, [rtpPacket({ sequence: 1, length: 100 })]);
    session.sendRtcp(pli);
    expect(session.sent).toEqual({ packets: 0, bytes: 0, dropped: 2 });
    await expect(metricValue(metrics, 'millrace_rtc_datagrams_dropped_total', { reason: 'no-path' })).resolves.toBe(2);
  });

  it('is not disturbed by an owner that throws, nor is another', async () => {
    const { transport, metrics } = await start();
    const bad = new RecordingHandler();
    bad.rtp = () => {
      throw new Error('a fault of the owner');
    };
    const good = new RecordingHandler();
    const [first, second] = await Promise.all([openPeer(transport, bad), openPeer(transport, good)]);
    await Promise.all([bad.whenConnected, good.whenConnected]);
    first.peer.sendRtp(rtpPacket({ sequence: 1, length: 100 }));
    await expect.poll(() => metricValue(metrics, 'millrace_rtc_datagrams_dropped_total', { reason: 'handler-failed' })).toBe(1);
    second.peer.sendRtp(rtpPacket({ sequence: 1, length: 100 }));
    await expect.poll(() => good.rtpPackets.length).toBe(1);
    expect(first.session.state).toBe('connected');
  });
});

describe('the time a session has', () => {
  it('is 30 s to connect', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    const { transport } = await start();
    const handler = new RecordingHandler();
    transport.open(await peerParameters(), handler);
    vi.advanceTimersByTime(29_500);
    expect(handler.reason).toBeUndefined();
    vi.advanceTimersByTime(1000);
    expect(handler.reason).toBe('connect-timeout');
  });

  it('is 20 s without a verified request; packets do not count', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    const { transport, metrics } = await start();
    const handler = new RecordingHandler();
    const { peer } = await openPeer(transport, handler);
    await handler.whenConnected;
    const answered = (): Promise<number> => metricValue(metrics, 'millrace_rtc_checks_answered_total');
    const before = await answered();
    // The peer checks every 2.5 s; the server reads that when time stands still again.
    vi.advanceTimersByTime(15_000);
    await expect.poll(answered).toBe(before + 6);
    peer.sendRtp(rtpPacket({ sequence: 1, length: 100 }));
    await expect.poll(() => handler.rtpPackets.length).toBe(1);
    vi.advanceTimersByTime(19_500);
    expect(handler.reason).toBeUndefined();
    vi.advanceTimersByTime(1000);
    expect(handler.reason).toBe('consent-lost');
  });

  it('does not pass while the process stands still', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    const { transport } = await start();
    const handler = new RecordingHandler();
    await openPeer(transport, handler);
    await handler.whenConnected;
    // A minute in one step, as of a machine that slept: no timer ran in it.
    vi.setSystemTime(Date.now());
    const now = performance.now();
    vi.spyOn(performance, 'now').mockImplementation(() => now + 60_000);
    vi.advanceTimersByTime(250);
    expect(handler.reason).toBeUndefined();
  });
});

describe('open', () => {
  it.each<[string, (peer: PeerParameters) => PeerParameters]>([
    ['a user fragment that is too short', (peer) => ({ ...peer, ice: { ...peer.ice, ufrag: 'abc' } })],
    ['a user fragment with a colon', (peer) => ({ ...peer, ice: { ...peer.ice, ufrag: 'abcd:efgh' } })],
    ['a password that is too short', (peer) => ({ ...peer, ice: { ...peer.ice, pwd: 'short' } })],
    ['no fingerprint', (peer) => ({ ...peer, fingerprints: [] })],
    ['a fingerprint of SHA-1 alone', (peer) => ({ ...peer, fingerprints: [{ algorithm: 'sha-1', value: Array(20).fill('AA').join(':') }] })],
    ['a fingerprint that is too short', (peer) => ({ ...peer, fingerprints: [{ algorithm: 'sha-256', value: 'AA:BB' }] })],
    ['a hundred fingerprints', (peer) => ({ ...peer, fingerprints: Array.from({ length: 100 }, () => peer.fingerprints[0]!) })],
  ])('refuses %s', async (_what, change) => {
    const { transport } = await start();
    const peer = change(await peerParameters());
    expect(() => transport.open(peer, new RecordingHandler())).toThrow(expect.objectContaining({ code: 'rtc/bad-peer' }));
    expect(transport.counts).toEqual({ connecting: 0, connected: 0 });
  });

  it('refuses more sessions than are configured, and takes one again when one has gone', async () => {
    const { transport } = await start({ maxRtcSessions: 2 });
    const handlers = [new RecordingHandler(), new RecordingHandler()];
    const first = await openPeer(transport, handlers[0]!);
    await handlers[0]!.whenConnected;
    await openPeer(transport, handlers[1]!);
    await handlers[1]!.whenConnected;
    const peer = await peerParameters();
    expect(() => transport.open(peer, new RecordingHandler())).toThrow(expect.objectContaining({ code: 'rtc/too-many-sessions' }));
    first.session.close();
    expect(transport.open(peer, new RecordingHandler()).state).toBe('connecting');
  });

  it('gives up a session whose peer does not come for one whose peer may', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    const { transport } = await start({ maxRtcSessions: 2 });
    const [peer, absent] = [await peerParameters(), new RecordingHandler()];
    transport.open(peer, absent);
    vi.advanceTimersByTime(1500);
    expect(() => transport.open(peer, new RecordingHandler())).toThrow(expect.objectContaining({ code: 'rtc/too-many-sessions' }));
    vi.advanceTimersByTime(1000);
    expect(transport.open(peer, new RecordingHandler()).state).toBe('connecting');
    expect(absent.reason).toBe('connect-timeout');
  });

  it('refuses everybody once it is closing, and ends who is there', async () => {
    const { transport } = await start();
    const handler = new RecordingHandler();
    const { peer } = await openPeer(transport, handler);
    const closing = transport.close();
    const parameters = await peerParameters();
    expect(() => transport.open(parameters, new RecordingHandler())).toThrow(expect.objectContaining({ code: 'rtc/stopping' }));
    await closing;
    await expect(handler.whenClosed).resolves.toBe('transport-closed');
    await peer.closed;
    await transport.close();
    await transport.closed;
  });
});

describe('the port', () => {
  it.each(['udp', 'tcp'] as const)('says which option to set where another program has it over %s', async (protocol) => {
    const { dataDir } = await start();
    const holder = protocol === 'udp' ? createSocket('udp4').bind(0, '127.0.0.1') : createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    const config = { host: '127.0.0.1', webrtcPort: port, maxRtcSessions: 10, rtcFastPath: 'auto' as const, dataDir, publicUrl: undefined, publicHost: undefined };
    await expect(startRtcTransport({ log: pino({ level: 'silent' }), metrics: new Registry(), config })).rejects.toMatchObject({
      code: 'rtc/port-in-use',
      message: `The WebRTC ${protocol.toUpperCase()} port ${port} is taken by another program: stop it, or set webrtcPort (MILLRACE_WEBRTC_PORT) to a free port.`,
    });
    holder.close();
  });

  it('is dual stack: one socket takes peers of IPv4 and IPv6', async () => {
    const { transport } = await start({ host: '::' });
    for (const address of ['127.0.0.1', '::1']) {
      for (const tcp of [false, true]) {
        const candidates = [{ protocol: tcp ? ('tcp' as const) : ('udp' as const), address, port: transport.port }];
        const { session, peer } = await openPeer(transport, new RecordingHandler(), { candidates, tcp });
        expect(session.path).toMatchObject({ address, port: peer.localPort });
        session.close();
      }
    }
  });

  it('is the same over UDP and TCP where a name is listened on, and the candidates say where', async () => {
    const { transport } = await start({ host: 'localhost' });
    const [first] = transport.candidates;
    expect(['127.0.0.1', '::1']).toContain(first!.address);
    expect(transport.candidates).toHaveLength(2);
    for (const tcp of [false, true]) {
      const { session } = await openPeer(transport, new RecordingHandler(), { tcp });
      expect(session.path?.address).toBe(first!.address);
    }
  });

  it('keeps its certificate over a restart, for itself alone', async () => {
    const first = await startTestTransport();
    const { fingerprint } = first.transport;
    const file = join(first.dataDir, 'webrtc-certificate.pem');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readFile(file, 'utf8')).toMatch(/BEGIN CERTIFICATE[^]*BEGIN PRIVATE KEY/);
    await first.transport.close();
    const second = await start({ dataDir: first.dataDir });
    expect(second.transport.fingerprint).toEqual(fingerprint);
    expect(fingerprint).toMatchObject({ algorithm: 'sha-256', value: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/) as string });
    await first.close();
  });
});

/** RFC 4585, 6.3.1. */
const pli = Buffer.from('81ce0002000000010000abcd', 'hex');

async function peerParameters(): Promise<PeerParameters> {
  return { ice: testCredentials(), fingerprints: [(await testCertificate()).fingerprint] };
}

function send(transport: RtcTransport, session: RtcSession, packets: readonly Buffer[]): void {
  transport.batch.reset(session.overhead);
  packets.forEach((packet) => transport.batch.bytes.set(packet, transport.batch.add(packet.length)));
  session.send(transport.batch);
}
