import type { MessagePort } from 'node:worker_threads';

import type { Millis } from '../media/time.ts';
import type { Stage } from '../runtime/stage.ts';
import type { PacketBatch } from './packet-batch.ts';

/** User fragment and password of one side, RFC 8839, 5.4. */
export type IceCredentials = { readonly ufrag: string; readonly pwd: string };

/** A certificate's fingerprint as SDP writes it, RFC 8122: `sha-256` and `AB:CD:...` in upper case. */
export type Fingerprint = { readonly algorithm: string; readonly value: string };

/** Where the server can be reached, as `a=candidate` lists it (RFC 8839, 5.1). All are of type host, component 1. */
export type Candidate = {
  readonly foundation: string;
  readonly protocol: 'udp' | 'tcp';
  readonly priority: number;
  /** An address, never a name. */
  readonly address: string;
  readonly port: number;
};

/** What the peer's description says of its end. */
export type PeerParameters = {
  readonly ice: IceCredentials;
  /** Any of them may match the peer's certificate. */
  readonly fingerprints: readonly Fingerprint[];
  /**
   * `a=setup` of its offer, RFC 8842, 5: who begins the DTLS handshake. The peer does wherever it may; a peer that is `passive` waits for
   * the server's hello, which comes when ICE has found a path. Default: `actpass`.
   */
  readonly setup?: 'actpass' | 'active' | 'passive';
};

/** Why a session ended. */
export type CloseReason =
  /** No verified request for the time of {@link RtcTransport}'s consent. */
  | 'consent-lost'
  /** DTLS close_notify. */
  | 'peer-closed'
  /** `close()` was called. */
  | 'closed'
  /** The peer never got through within the time to connect. */
  | 'connect-timeout'
  | 'dtls-failed'
  | 'transport-closed';

/** What a session's owner does with what comes. Calls must not throw. */
export interface SessionHandler {
  /** ICE and DTLS are done: media may be sent. Once. */
  connected(): void;
  /** A verified, decrypted RTP packet. `packet` is a view of a buffer that is used again: copy what is kept. */
  rtp(packet: Uint8Array, arrival: Millis): void;
  /** A verified, decrypted compound RTCP packet, under the same condition. */
  rtcp(compound: Uint8Array, arrival: Millis): void;
  /** The peer is now reached elsewhere: another network, or TCP in place of UDP. What was learnt of the path is void. */
  pathChanged?(): void;
  /** The last call. */
  closed(reason: CloseReason): void;
}

/** What a sender of media needs of a session. */
export interface PacketSink {
  /** Bytes that protection adds to an RTP packet: 16 with AES-GCM, 10 with HMAC-SHA1-80. Known once connected. */
  readonly overhead: number;
  /** Protects the batch in place and sends it on the session's path; drops it, counted, where there is none. Never throws. */
  send(batch: PacketBatch): void;
  /** Protects and sends one compound RTCP packet. Never throws. */
  sendRtcp(compound: Uint8Array): void;
}

/** One peer on the server's port. */
export interface RtcSession extends PacketSink {
  readonly local: IceCredentials;
  readonly state: 'connecting' | 'connected' | 'closed';
  /** The path in use; undefined before the first verified request. */
  readonly path: { readonly address: string; readonly port: number; readonly protocol: 'udp' | 'tcp' } | undefined;
  /** Round trip of the DTLS handshake or a later measurement; undefined before. A first guess for timers. */
  readonly rtt: Millis | undefined;
  /** Packets and bytes given to the kernel or to the peer's TCP connection, and packets dropped here. */
  readonly sent: { readonly packets: number; readonly bytes: number; readonly dropped: number };
  /** ICE restart (RFC 8445, 9): takes the peer's new credentials, gives new ones of its own. The old ones stay valid until a request with the new ones is verified. */
  restart(remote: IceCredentials): IceCredentials;
  /** Says goodbye (DTLS close_notify) and forgets the peer. Idempotent. */
  close(reason?: CloseReason): void;
}

/** What a worker's transport is started with. Can be posted; holds the certificate's key. */
export type SeatSetup = {
  /** From 1: which worker it is. */
  readonly number: number;
};

/** A worker's place at the port. */
export interface WorkerSeat {
  readonly setup: SeatSetup;
  /** Frees the place, and every address that was this worker's. Happens by itself when the worker has ended. Idempotent. */
  remove(): void;
}

/** Gives worker threads a place at the port of this thread. */
export interface WorkerSeats {
  /**
   * Takes a worker on the other end of `port`, which is this function's from now on: there `startWorkerTransport`
   * (`core/rtc/workers`) is to be called with the seat's setup.
   *
   * @throws {MillraceError} `rtc/too-many-workers`, `rtc/stopping`.
   */
  add(port: MessagePort): WorkerSeat;
}

/** The server's WebRTC port: UDP, and TCP of the same number. */
export interface RtcTransport extends Stage {
  /** The port that is really open. */
  readonly port: number;
  /** `sha-256` of the certificate that every session shows. */
  readonly fingerprint: Fingerprint;
  /** What an answer lists, best first. */
  readonly candidates: readonly Candidate[];
  /** The one batch of this thread, for the senders to fill. */
  readonly batch: PacketBatch;
  /** Places for worker threads that have sessions on the same port; absent where this transport is such a thread's. */
  readonly seats?: WorkerSeats | undefined;
  /** Sessions of this thread by state, for metrics and limits. */
  readonly counts: { readonly connecting: number; readonly connected: number };
  /**
   * Makes a session that waits for its peer.
   *
   * @throws {MillraceError} `rtc/too-many-sessions`, `rtc/stopping`, `rtc/bad-peer` (credentials or fingerprints that cannot be).
   */
  open(peer: PeerParameters, handler: SessionHandler): RtcSession;
}
