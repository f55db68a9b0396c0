import type { Millis } from '../../media/time.ts';
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
  const local = testCredentials();
  const { fingerprint } = options.certificate ?? (await testCertificate());
  const session = transport.open({ ice: local, fingerprints: [fingerprint] }, handler);
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
