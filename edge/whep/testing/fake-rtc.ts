import type { PacketizedFrame } from '#core/media/rtp/packetized-frame.ts';
import { millis, type Millis } from '#core/media/time.ts';
import type { MediaSenderOptions, PayloadTypes, SenderStats } from '#core/rtc/sender/media-sender.ts';
import { PacketBatch } from '#core/rtc/packet-batch.ts';
import type { CloseReason, IceCredentials, PeerParameters, RtcSession, RtcTransport, SessionHandler } from '#core/rtc/transport.ts';
import { MillraceError } from '#core/runtime/errors.ts';

import type { ViewerSender } from '../sender-output.ts';

/** A peer whose end is in the test's hand. */
export class FakePeer {
  readonly handler: SessionHandler;
  readonly session: RtcSession;
  closedWith: CloseReason | undefined;
  restarted: IceCredentials | undefined;

  constructor(handler: SessionHandler, rtt: Millis | undefined) {
    this.handler = handler;
    this.session = {
      overhead: 16,
      local: { ufrag: 'ours', pwd: 'a-password-of-ours-24-letters' },
      state: 'connected',
      path: undefined,
      rtt,
      sent: { packets: 0, bytes: 0, dropped: 0 },
      send: () => undefined,
      sendRtcp: () => undefined,
      restart: (remote) => {
        this.restarted = remote;
        return { ufrag: 'new', pwd: 'another-password-of-24-letters' };
      },
      close: (reason = 'closed') => this.end(reason),
    };
  }

  /** The session ends, by whichever side. */
  end(reason: CloseReason): void {
    if (this.closedWith === undefined) {
      this.closedWith = reason;
      this.handler.closed(reason);
    }
  }
}

/** A transport without a network: sessions are made, and the test plays their peers. */
export class FakeRtc implements RtcTransport {
  readonly port = 8189;
  readonly fingerprint = { algorithm: 'sha-256', value: Array.from({ length: 32 }, () => 'AB').join(':') };
  readonly candidates = [{ foundation: '1', protocol: 'udp', priority: 2_130_706_431, address: '192.0.2.1', port: 8189 }] as const;
  readonly batch = new PacketBatch();
  readonly counts = { connecting: 0, connected: 0 };
  readonly closed = Promise.resolve();
  readonly peers: FakePeer[] = [];
  rtt: Millis | undefined = millis(5);
  full = false;

  /** The newest peer. */
  get peer(): FakePeer {
    return this.peers.at(-1) as FakePeer;
  }

  open(_peer: PeerParameters, handler: SessionHandler): RtcSession {
    if (this.full) {
      throw new MillraceError('rtc/too-many-sessions', 'full');
    }
    const peer = new FakePeer(handler, this.rtt);
    this.peers.push(peer);
    return peer.session;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Remembers what it was given to send. */
export class FakeSender implements ViewerSender {
  readonly options: MediaSenderOptions;
  readonly video: { readonly frame: PacketizedFrame; readonly payload: PayloadTypes }[] = [];
  readonly audio: { readonly frame: PacketizedFrame; readonly payload: PayloadTypes }[] = [];
  readonly captures: (readonly [wall: number, pts: number])[] = [];
  demand = -1;
  isClosed = false;
  stats: SenderStats = {
    estimate: 10_000_000, limitedBy: 'probe', rtt: millis(5), loss: 0, queueDelay: millis(0), arrivalRate: 0, packetsSent: 0, bytesSent: 0, retransmitted: 0,
    padding: 0, framesSkipped: 0, queued: { packets: 0, bytes: 0, delay: millis(0) }, probes: { sent: 0, failed: 0 }, nacks: 0, keyRequests: 0, rtpOrigin: { video: 1000, audio: 1000 },
  };

  constructor(options: MediaSenderOptions) {
    this.options = options;
  }

  sendVideo(frame: PacketizedFrame, payload: PayloadTypes): boolean {
    this.video.push({ frame, payload });
    return true;
  }

  sendAudio(frame: PacketizedFrame, payload: PayloadTypes): void {
    this.audio.push({ frame, payload });
  }

  dropQueued(): void {
    // Nothing waits here.
  }

  rtcp(): void {
    // The test speaks for the peer.
  }

  setCapture(wall: number, pts: number): void {
    this.captures.push([wall, pts]);
  }

  setDemand(bitsPerSecond: number): void {
    this.demand = bitsPerSecond;
  }

  pathChanged(): void {
    // Nothing was learnt here.
  }

  close(): void {
    this.isClosed = true;
  }
}
