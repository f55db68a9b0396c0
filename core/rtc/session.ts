import { millis, type Millis } from '../media/time.ts';
import { MillraceError, messageOf } from '../runtime/errors.ts';
import type { Logger } from '../runtime/log.ts';
import type { RtcCertificate } from './dtls/certificate.ts';
import type { DtlsEstablished } from './dtls/established.ts';
import type { SrtpKeys } from './dtls/srtp-keys.ts';
import { Consent } from './ice/consent.ts';
import { areUsableCredentials } from './ice/credentials.ts';
import { IceLite } from './ice/ice-lite.ts';
import type { RtcCounters } from './metrics.ts';
import type { FastPath } from './native/fast-path.ts';
import type { PacketBatch } from './packet-batch.ts';
import { Path, shouldMove } from './path.ts';
import type { DatagramKind } from './ports/demultiplex.ts';
import type { PeerLink } from './ports/peer-link.ts';
import { SessionHandshake } from './session-handshake.ts';
import { createSrtpProtection, type SrtpProtection } from './srtp/srtp-protection.ts';
import type { CloseReason, IceCredentials, PeerParameters, RtcSession, SessionHandler } from './transport.ts';

/** Time to connect: a browser gives up sooner. */
const CONNECT_MILLIS = 30_000;
/** Addresses from which a peer may send at one time; the one that was silent longest gives way. */
const MAX_PATHS = 8;
/** Bytes that AES-GCM adds to a packet, which a session tells before it knows better. */
const USUAL_OVERHEAD = 16;

/** A session's remote address. */
export type SessionPath = Path<Session>;

/** What a session needs of its transport. */
export interface SessionHost {
  readonly certificate: RtcCertificate;
  readonly fastPath: FastPath;
  /** Begins the user fragments of all sessions. */
  readonly ufragPrefix: string;
  readonly counters: RtcCounters;
  readonly log: Logger;
  /** Time for deadlines: stands still while the process does. */
  now(): Millis;
  /** A restart brought new credentials; `retired` ones are valid no longer. */
  restarted(session: Session, retired: IceCredentials | undefined): void;
  connected(session: Session): void;
  /** Asks the peer, before media go there, whether it is at this address. */
  check(session: Session, path: SessionPath): void;
  /** The address is the session's no longer. */
  leave(path: SessionPath): void;
  /** The session is over; its paths are left already. */
  forget(session: Session, reason: CloseReason): void;
}

/** One peer: its ICE agent, its DTLS, its keys, and the one path its media take. */
export class Session implements RtcSession {
  readonly ice: IceLite;
  readonly openedAt: Millis;
  /** The peer waits for our hello. */
  readonly #isPeerPassive: boolean;
  readonly #handler: SessionHandler;
  readonly #host: SessionHost;
  readonly #paths: SessionPath[] = [];
  readonly #consent = new Consent();
  readonly #sent = { packets: 0, bytes: 0, dropped: 0 };
  #active: SessionPath | undefined;
  #handshake: SessionHandshake | undefined;
  #established: DtlsEstablished | undefined;
  #protection: SrtpProtection | undefined;
  #state: RtcSession['state'] = 'connecting';
  #rtt: Millis | undefined;
  /** The peer has proven to be at an address, whether or not that is its own still. */
  #isProven = false;
  /** ICE was restarted, and no path has been proven since. */
  #isRenewed = false;

  constructor(peer: PeerParameters, handler: SessionHandler, host: SessionHost) {
    this.ice = new IceLite(peer.ice, host.ufragPrefix);
    this.openedAt = host.now();
    this.#isPeerPassive = peer.setup === 'passive';
    this.#handler = handler;
    this.#host = host;
    this.#handshake = this.#openHandshake(peer);
  }

  get local(): IceCredentials {
    return this.ice.local;
  }

  get state(): RtcSession['state'] {
    return this.#state;
  }

  get path(): RtcSession['path'] {
    return this.#active?.link;
  }

  get rtt(): Millis | undefined {
    return this.#rtt;
  }

  get sent(): RtcSession['sent'] {
    return this.#sent;
  }

  get overhead(): number {
    return this.#protection?.overhead ?? USUAL_OVERHEAD;
  }

  send(batch: PacketBatch): void {
    if (this.#protection === undefined || this.#active?.isProven !== true) {
      this.#drop(batch.count);
      return;
    }
    this.#protection.protect(batch);
    let whole = 0;
    let bytes = 0;
    for (let packet = 0; packet < batch.count; packet++) {
      // A packet that must not go out has no length.
      whole += batch.lengths[packet] === 0 ? 0 : 1;
      bytes += batch.lengths[packet]!;
    }
    const { link } = this.#active;
    const taken = link.send(batch);
    this.#count(link, taken, taken === whole ? bytes : Math.round((bytes * taken) / whole));
    this.#sent.dropped += batch.count - taken;
  }

  sendRtcp(compound: Uint8Array): void {
    if (this.#protection === undefined || this.#active?.isProven !== true) {
      this.#drop(1);
      return;
    }
    const packet = this.#protection.protectRtcp(compound);
    const { link } = this.#active;
    if (packet.length > 0 && link.sendOne(packet)) {
      this.#count(link, 1, packet.length);
    } else {
      this.#sent.dropped += 1;
    }
  }

  restart(remote: IceCredentials): IceCredentials {
    if (!areUsableCredentials(remote)) {
      throw new MillraceError('rtc/bad-peer', 'The peer\'s ICE credentials are not of the form that RFC 8839 gives them.');
    }
    if (this.#state !== 'closed') {
      const retired = this.ice.restart(remote);
      this.#host.restarted(this, retired);
    }
    return this.ice.local;
  }

  close(reason: CloseReason = 'closed'): void {
    if (this.#state === 'closed') {
      return;
    }
    this.#state = 'closed';
    if (this.#established !== undefined && reason !== 'peer-closed') {
      this.#active?.send(this.#established.closeNotify());
    }
    this.#handshake?.close();
    this.#protection?.close();
    this.#paths.splice(0).forEach((path) => this.#host.leave(path));
    this.#handshake = undefined;
    this.#established = undefined;
    this.#protection = undefined;
    this.#active = undefined;
    this.#host.forget(this, reason);
    this.#tell(() => this.#handler.closed(reason));
  }

  /** Whether a verified request ever came. */
  get isHeard(): boolean {
    return this.#active !== undefined;
  }

  /** Takes an address as one of the peer's. */
  addPath(link: PeerLink, now: Millis): SessionPath {
    if (this.#paths.length >= MAX_PATHS) {
      const oldest = this.#paths.filter((path) => path !== this.#active).reduce((a, b) => (b.verifiedAt < a.verifiedAt ? b : a));
      this.dropPath(oldest);
      this.#host.leave(oldest);
    }
    const path = new Path<Session>(link, this, now);
    this.#paths.push(path);
    return path;
  }

  /** The address is gone: a TCP connection that ended, or one that is another session's now. */
  dropPath(path: SessionPath): void {
    const at = this.#paths.indexOf(path);
    if (at >= 0) {
      this.#paths.splice(at, 1);
    }
    if (this.#active === path) {
      // Media find no path until a request is verified on another; consent runs out where none comes.
      path.isGone = true;
      if (this.#state === 'connecting') {
        this.#active = this.#paths.findLast(({ isProven }) => isProven) ?? (path.isProven ? path : (this.#paths.at(-1) ?? path));
      }
    }
  }

  /** A verified request came on one of the session's paths, at this moment. */
  heard(path: SessionPath, now: Millis): void {
    if (path === this.#active) {
      this.#isRenewed = false;
    }
    const active = this.#active;
    if (active === undefined) {
      this.#active = path;
    } else if (path !== active && (this.#isRenewed || shouldMove(active, path, now))) {
      if (this.#state === 'connecting' && (path.isProven || !active.isProven)) {
        this.#active = path;
      } else {
        this.#host.check(this, path);
        return;
      }
    }
    if (path === this.#active && !path.isProven && (this.#isPeerPassive || this.#state === 'connected')) {
      // A peer that says hello proves its address by the cookie; from others we must ask for a proof.
      this.#host.check(this, path);
    } else if (path === this.#active && path.isProven) {
      this.#handshake?.begin();
    }
  }

  /**
   * The peer has used the credentials of an ICE restart for the first time. It restarts because the path of before is no good, and browsers
   * nominate the next one only seconds after they have found it: the first address that is heard and proven now is taken.
   */
  renewed(): void {
    this.#isRenewed = true;
  }

  /** The peer has proven to be at this address: media go there from now on. */
  moveTo(path: SessionPath, rtt: Millis): void {
    this.#rtt = rtt;
    this.#isProven = true;
    this.#isRenewed = false;
    const isOther = path !== this.#active;
    this.#active = path;
    if (this.#state === 'connecting') {
      if (isOther) {
        this.#handshake?.moved();
      }
      this.#handshake?.begin();
    } else if (isOther && this.#state === 'connected') {
      this.#host.counters.pathChanges += 1;
      this.#tell(() => this.#handler.pathChanged?.());
    }
  }

  /** Takes a packet that came from one of the session's paths. */
  receive(path: SessionPath, kind: DatagramKind, bytes: Buffer, now: Millis, arrival: Millis): void {
    switch (kind) {
      case 'rtp': {
        const packet = this.#protection?.unprotect(bytes);
        if (packet === undefined) {
          this.#host.counters.dropped[this.#protection === undefined ? 'no-keys' : 'rejected-srtp'] += 1;
        } else {
          this.#handler.rtp(packet, arrival);
        }
        break;
      }
      case 'rtcp': {
        const compound = this.#protection?.unprotectRtcp(bytes);
        if (compound === undefined) {
          this.#host.counters.dropped[this.#protection === undefined ? 'no-keys' : 'rejected-srtp'] += 1;
        } else {
          this.#handler.rtcp(compound, arrival);
        }
        break;
      }
      case 'dtls':
        path.earn(bytes.length);
        this.#receiveDtls(path, bytes, now);
        break;
      case 'stun':
      case 'unknown':
        break;
    }
  }

  /** Ends the session where its time is over, and asks a silent peer for its consent. */
  tick(now: Millis): void {
    if (this.#state === 'connecting') {
      if (now - this.openedAt >= CONNECT_MILLIS) {
        this.close('connect-timeout');
      }
      return;
    }
    const verdict = this.#active === undefined ? 'fresh' : this.#consent.judge(this.#active.verifiedAt, now);
    if (verdict === 'lost') {
      this.close('consent-lost');
    } else if (verdict === 'check' && this.#active?.isGone === false) {
      this.#host.check(this, this.#active);
    }
  }

  #receiveDtls(path: SessionPath, bytes: Buffer, now: Millis): void {
    if (this.#state === 'connecting') {
      this.#continueHandshake(path, bytes, now);
      return;
    }
    const { closed, answer } = this.#established?.receive(bytes, now) ?? { closed: false, answer: undefined };
    if (answer !== undefined) {
      path.send(answer);
    }
    if (closed) {
      this.close('peer-closed');
    }
  }

  /** Takes DTLS of a peer that is not connected yet. Anybody can say that it came from anywhere: only where the peer has proven to be do flights follow it. */
  #continueHandshake(path: SessionPath, bytes: Buffer, now: Millis): void {
    if (path.isProven) {
      this.#active = path;
    }
    this.#handshake?.receive(bytes, now, path.link.key);
    if (this.#state === 'connecting' && this.#isProven && !path.isProven) {
      // The peer has proven another address, and may have moved since.
      this.#host.check(this, path);
    }
  }

  /** The cookie that the owner's address was given has come back from the origin's: the peer reads what is sent to the first of them. */
  #cookieReturned(owner: string, origin: string): void {
    this.#isProven = true;
    const [path, source] = [this.#pathOf(owner), this.#pathOf(origin)];
    if (path !== undefined) {
      path.isProven = true;
      this.#active = source?.isProven === true ? source : path;
    }
  }

  #pathOf(key: string): SessionPath | undefined {
    return this.#paths.find(({ link }) => link.key === key);
  }

  #openHandshake({ fingerprints }: PeerParameters): SessionHandshake {
    return new SessionHandshake({
      certificate: this.#host.certificate,
      fingerprints,
      isPeerPassive: this.#isPeerPassive,
      now: () => this.#host.now(),
      measured: (rtt) => {
        this.#rtt = millis(Math.min(this.#rtt ?? Infinity, rtt));
      },
      send: (datagram) => void this.#active?.send(datagram),
      ask: (datagram, origin) => void this.#pathOf(origin)?.send(datagram),
      proven: (owner, origin) => this.#cookieReturned(owner, origin),
      done: (keys, established) => this.#connect(keys, established),
      failed: (error) => {
        this.#host.log.debug({ reason: messageOf(error) }, 'a WebRTC peer failed its DTLS handshake');
        this.close('dtls-failed');
      },
    });
  }

  #connect(keys: SrtpKeys, established: DtlsEstablished): void {
    this.#handshake = undefined;
    this.#established = established;
    this.#protection = createSrtpProtection({ ...keys, fastPath: this.#host.fastPath });
    this.#state = 'connected';
    this.#host.connected(this);
    this.#tell(() => this.#handler.connected());
  }

  #count(link: PeerLink, packets: number, bytes: number): void {
    this.#sent.packets += packets;
    this.#sent.bytes += bytes;
    const sent = this.#host.counters.sent[link.protocol];
    sent.packets += packets;
    sent.bytes += bytes;
  }

  #drop(packets: number): void {
    this.#sent.dropped += packets;
    this.#host.counters.dropped['no-path'] += packets;
  }

  /** Handlers must not throw; one that does disturbs nobody. */
  #tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#host.counters.dropped['handler-failed'] += 1;
      this.#host.log.error({ err: error }, 'the owner of a WebRTC session failed');
    }
  }
}
