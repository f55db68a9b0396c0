import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { pino } from 'pino';
import { Registry } from 'prom-client';

import type { Millis } from '../../media/time.ts';
import type { MonotonicClock } from '../monotonic.ts';
import type { RtcConfig } from '../options.ts';
import { startRtcTransport } from '../start-transport.ts';
import type { CloseReason, RtcSession, RtcTransport, SessionHandler } from '../transport.ts';
import { connectPeer, testCertificate, testCredentials, type TestPeer, type TestPeerOptions } from './peer.ts';

/** A session's owner that writes down what happens. */
export class RecordingHandler implements SessionHandler {
  readonly rtpPackets: Buffer[] = [];
  readonly rtcpPackets: Buffer[] = [];
  readonly #connected = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<CloseReason>();
  pathChanges = 0;
  reason: CloseReason | undefined;

  /** Resolves when the session is connected. */
  get whenConnected(): Promise<void> {
    return this.#connected.promise;
  }

  /** Resolves when it is over, with the reason. */
  get whenClosed(): Promise<CloseReason> {
    return this.#closed.promise;
  }

  connected(): void {
    this.#connected.resolve();
  }

  rtp(packet: Uint8Array, _arrival: Millis): void {
    this.rtpPackets.push(Buffer.from(packet));
  }

  rtcp(compound: Uint8Array, _arrival: Millis): void {
    this.rtcpPackets.push(Buffer.from(compound));
  }

  pathChanged(): void {
    this.pathChanges += 1;
  }

  closed(reason: CloseReason): void {
    this.reason = reason;
    this.#closed.resolve(reason);
  }
}

/** Opens a session and connects a peer to it. */
export async function openPeer(
  transport: RtcTransport,
  handler: SessionHandler,
  options: Partial<TestPeerOptions> = {},
): Promise<{ readonly session: RtcSession; readonly peer: TestPeer }> {
  const local = options.local ?? testCredentials();
  const { fingerprint } = options.certificate ?? (await testCertificate());
  const session = transport.open({ ice: local, fingerprints: [fingerprint], ...(options.passive === true ? { setup: 'passive' } : {}) }, handler);
  const peer = await connectPeer({ local, remote: session.local, candidates: transport.candidates, fingerprint: transport.fingerprint, ...options });
  return { session, peer };
}

/** A plain RTP packet of this many bytes in all. */
export function rtpPacket({ sequence, length, ssrc = 0x1234_5678, timestamp = 90_000 }: { readonly sequence: number; readonly length: number; readonly ssrc?: number; readonly timestamp?: number }): Buffer {
  const packet = Buffer.alloc(length, sequence & 0xff);
  packet.writeUInt16BE(0x8060, 0);
  packet.writeUInt16BE(sequence, 2);
  packet.writeUInt32BE(timestamp, 4);
  packet.writeUInt32BE(ssrc, 8);
  return packet;
}

/** A transport on a port of its own, on this machine alone, with what it needs; `close` takes all of it down. */
export async function startTestTransport(
  options: Partial<RtcConfig> & { readonly clock?: MonotonicClock } = {},
): Promise<{ readonly transport: RtcTransport; readonly metrics: Registry; readonly dataDir: string; close(): Promise<void> }> {
  const { clock, ...config } = options;
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-rtc-'));
  const metrics = new Registry();
  const transport = await startRtcTransport({
    config: { host: '127.0.0.1', webrtcPort: 0, maxRtcSessions: 50, rtcFastPath: 'auto', dataDir, publicUrl: undefined, publicHost: undefined, ...config },
    log: pino({ level: 'silent' }),
    metrics,
    ...(clock === undefined ? {} : { clock }),
  });
  return {
    transport,
    metrics,
    dataDir,
    close: async () => {
      await transport.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** The value of one metric, 0 where it has none yet. */
export async function metricValue(metrics: Registry, name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
  const metric = await metrics.getSingleMetric(name)?.get();
  return metric?.values.find((value) => Object.entries(labels).every(([label, wanted]) => value.labels[label] === wanted))?.value ?? 0;
}
