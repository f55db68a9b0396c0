import { millis, type Millis } from '#core/media/time.ts';
import { PacketBatch } from '#core/rtc/packet-batch.ts';
import type { CloseReason, IceCredentials, PeerParameters, RtcSession, RtcTransport, SessionHandler } from '#core/rtc/transport.ts';
import { MillraceError } from '#core/runtime/errors.ts';

/** Where packets lie while the handler reads them. */
const memory = Buffer.alloc(2048);

/** A session of {@link FakeTransport}: the test is the network. */
export class FakeSession implements RtcSession {
  readonly local: IceCredentials = { ufrag: 'server', pwd: 'a-password-of-the-server' };
  readonly path = undefined;
  readonly rtt: Millis = millis(20);
  readonly sent = { packets: 0, bytes: 0, dropped: 0 };
  readonly overhead = 16;
  readonly peer: PeerParameters;
  readonly handler: SessionHandler;
  readonly rtcp: Uint8Array[] = [];
  readonly restarts: IceCredentials[] = [];
  state: RtcSession['state'] = 'connecting';

  constructor(peer: PeerParameters, handler: SessionHandler) {
    this.peer = peer;
    this.handler = handler;
  }

  send(): void {
    throw new Error('a publisher is sent no media');
  }

  sendRtcp(compound: Uint8Array): void {
    this.rtcp.push(compound);
  }

  restart(remote: IceCredentials): IceCredentials {
    this.restarts.push(remote);
    return { ufrag: 'again', pwd: 'another-password-of-the-server' };
  }

  connect(): void {
    this.state = 'connected';
    this.handler.connected();
  }

  /** Hands a packet over as the real transport does: as a view of a `Buffer`, whose next content is another's. */
  receive(packet: Uint8Array, arrival: Millis): void {
    memory.set(packet);
    this.handler.rtp(memory.subarray(0, packet.length), arrival);
    memory.fill(0xff);
  }

  close(reason: CloseReason = 'closed'): void {
    if (this.state !== 'closed') {
      this.state = 'closed';
      this.handler.closed(reason);
    }
  }
}

/** A transport without a network. */
export class FakeTransport implements RtcTransport {
  readonly port = 8189;
  readonly fingerprint = { algorithm: 'sha-256', value: Array.from({ length: 32 }, () => 'AB').join(':') };
  readonly candidates = [{ foundation: '1', protocol: 'udp', priority: 2_130_706_431, address: '127.0.0.1', port: 8189 }] as const;
  readonly batch = new PacketBatch();
  readonly counts = { connecting: 0, connected: 0 };
  readonly closed = Promise.resolve();
  readonly sessions: FakeSession[] = [];
  full = false;

  open(peer: PeerParameters, handler: SessionHandler): RtcSession {
    if (this.full) {
      throw new MillraceError('rtc/too-many-sessions', 'there are too many sessions');
    }
    const session = new FakeSession(peer, handler);
    this.sessions.push(session);
    return session;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
