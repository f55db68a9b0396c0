import type { RtcCertificate } from '../dtls/certificate.ts';
import { createCredentials } from '../ice/credentials.ts';
import { monotonicClock } from '../monotonic.ts';
import { datagramKind } from '../ports/demultiplex.ts';
import type { Candidate, Fingerprint, IceCredentials } from '../transport.ts';
import { RtpPacket, type SrtpProfileNumber } from '../werift.ts';
import { awaitServerHandshake, clientCertificate, startClientHandshake, type ClientHandshakeOptions, type ClientKeys, type PeerHandshake } from './client-dtls.ts';
import { ClientIce } from './client-ice.ts';
import { openClientLink, type ClientLink } from './client-link.ts';

/** Where the server is and how it is recognised: what its answer says. */
export type TestPeerOptions = {
  /** The peer's own, as in `PeerParameters`. */
  readonly local: IceCredentials;
  /** The server's. */
  readonly remote: IceCredentials;
  readonly candidates: readonly Pick<Candidate, 'protocol' | 'address' | 'port'>[];
  /** The server's certificate; checked. */
  readonly fingerprint: Fingerprint;
  /** Reach the server over TCP. Default: UDP. */
  readonly tcp?: boolean;
  /** Wait for the server to begin DTLS, as after an offer of `a=setup:passive`. Default: begin it. */
  readonly passive?: boolean;
  /** One packet in so many is decrypted and verified; the others are counted as they come. Default 1. */
  readonly verifyOneIn?: number;
  /** SRTP profiles offered: 7 is AES-GCM, 1 AES-CM with HMAC-SHA1-80. Default: both. */
  readonly profiles?: readonly SrtpProfileNumber[];
  /** Default: {@link testCertificate}. */
  readonly certificate?: RtcCertificate;
  readonly onRtp?: (packet: Uint8Array) => void;
  readonly onRtcp?: (compound: Uint8Array) => void;
};

/** A full ICE agent with DTLS client and SRTP: what a browser is to the transport, as cheap as can be. */
export interface TestPeer {
  readonly state: 'connected' | 'closed';
  readonly received: { readonly packets: number; readonly bytes: number; readonly verified: number; readonly failed: number };
  /** Its port on this machine. */
  readonly localPort: number;
  readonly ice: ClientIce;
  readonly profile: SrtpProfileNumber;
  /** Resolves when the server says goodbye or `close()` was called. */
  readonly closed: Promise<void>;
  sendRtp(packet: Uint8Array): void;
  sendRtcp(compound: Uint8Array): void;
  /** Sends bytes as they are. */
  sendRaw(bytes: Uint8Array): void;
  /** Reads nothing more: over TCP the server's queue fills. */
  pause(): void;
  /** Sends a check and resolves when it is answered. Default: with USE-CANDIDATE. */
  check(useCandidate?: boolean): Promise<void>;
  /**
   * Goes on from another local port, as after a change of network: a check from there, with USE-CANDIDATE unless told otherwise. Resolves
   * when it is answered. `breakFirst`: the old port is gone before.
   */
  move(options?: { readonly useCandidate?: boolean; readonly breakFirst?: boolean }): Promise<void>;
  /** Takes new credentials on both sides (ICE restart). Resolves when a check with them is answered. */
  restart(local: IceCredentials, remote: IceCredentials): Promise<void>;
  /** Stops answering and checking without a word. */
  vanish(): void;
  /** Says goodbye (close_notify). Idempotent. */
  close(): Promise<void>;
}

/** Certificate and key of a test's peers; its fingerprint goes into `PeerParameters`. */
export type TestCertificate = RtcCertificate;

/** As a browser checks a stable pair. */
const CONSENT_MILLIS = 2500;
const CONNECT_MILLIS = 10_000;

/** The certificate that every {@link TestPeer} of this process shows. Made once. */
export function testCertificate(): Promise<TestCertificate> {
  return clientCertificate();
}

/** Credentials as a client makes them. */
export function testCredentials(): IceCredentials {
  return createCredentials();
}

/** Connects: checks, handshake, keys. Rejects after 10 s. */
export async function connectPeer(options: TestPeerOptions): Promise<TestPeer> {
  const protocol = options.tcp === true ? 'tcp' : 'udp';
  const server = options.candidates.find((candidate) => candidate.protocol === protocol);
  if (server === undefined) {
    throw new Error(`no ${protocol} candidate`);
  }
  const peer = new Peer(options, server);
  try {
    await peer.connect(options.certificate ?? (await testCertificate()));
  } catch (error) {
    peer.vanish();
    throw error;
  }
  return peer;
}

class Peer implements TestPeer {
  readonly ice: ClientIce;
  readonly received = { packets: 0, bytes: 0, verified: 0, failed: 0 };
  readonly closed: Promise<void>;
  readonly #options: TestPeerOptions;
  readonly #server: Pick<Candidate, 'protocol' | 'address' | 'port'>;
  readonly #end = Promise.withResolvers<void>();
  #link: ClientLink | undefined;
  #handshake: ((datagram: Buffer) => void) | undefined;
  #keys: ClientKeys | undefined;
  #consent: NodeJS.Timeout | undefined;

  constructor(options: TestPeerOptions, server: Pick<Candidate, 'protocol' | 'address' | 'port'>) {
    this.#options = options;
    this.#server = server;
    this.ice = new ClientIce(options.local, options.remote);
    this.closed = this.#end.promise;
  }

  get state(): TestPeer['state'] {
    return this.#link === undefined ? 'closed' : 'connected';
  }

  get localPort(): number {
    return this.#link?.localPort ?? 0;
  }

  get profile(): SrtpProfileNumber {
    return this.#keys!.profile;
  }

  async connect(certificate: RtcCertificate): Promise<void> {
    this.#link = await this.#open();
    // Whoever waits must be ready before the server learns of the path.
    const awaited = this.#options.passive === true ? this.#startHandshake(awaitServerHandshake, certificate) : undefined;
    await this.ice.check(this.#link);
    const keys = awaited ?? this.#startHandshake(startClientHandshake, certificate);
    let limit: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      limit = setTimeout(() => reject(new Error('the DTLS handshake took too long')), CONNECT_MILLIS);
    });
    this.#keys = await Promise.race([keys, late]).finally(() => clearTimeout(limit));
    this.#handshake = undefined;
    this.#consent = setInterval(() => {
      if (this.ice.asks) {
        this.#link?.send(this.ice.request());
      }
    }, CONSENT_MILLIS);
    this.#consent.unref();
  }

  #startHandshake(start: (options: ClientHandshakeOptions) => PeerHandshake, certificate: RtcCertificate): Promise<ClientKeys> {
    const { fingerprint, profiles } = this.#options;
    const { receive, keys } = start({
      certificate,
      fingerprint,
      ...(profiles === undefined ? {} : { profiles }),
      send: (datagram) => this.#link?.send(datagram),
    });
    keys.catch(() => {});
    this.#handshake = receive;
    return keys;
  }

  sendRtp(packet: Uint8Array): void {
    const { header, payload } = RtpPacket.deSerialize(Buffer.from(packet));
    this.#link?.send(this.#keys!.srtp.encrypt(payload, header));
  }

  sendRtcp(compound: Uint8Array): void {
    this.#link?.send(this.#keys!.srtcp.encrypt(Buffer.from(compound)));
  }

  sendRaw(bytes: Uint8Array): void {
    this.#link?.send(bytes);
  }

  pause(): void {
    this.#link?.pause();
  }

  check(useCandidate = true): Promise<void> {
    return this.ice.check(this.#link!, useCandidate);
  }

  async move({ useCandidate = true, breakFirst = false }: { readonly useCandidate?: boolean; readonly breakFirst?: boolean } = {}): Promise<void> {
    const old = this.#link;
    if (breakFirst) {
      old?.close();
    }
    this.#link = await this.#open();
    await this.check(useCandidate);
    old?.close();
  }

  async restart(local: IceCredentials, remote: IceCredentials): Promise<void> {
    this.ice.local = local;
    this.ice.remote = remote;
    await this.ice.check(this.#link!);
  }

  vanish(): void {
    clearInterval(this.#consent);
    this.#link?.close();
    this.#link = undefined;
    this.#end.resolve();
  }

  close(): Promise<void> {
    if (this.#link !== undefined && this.#keys !== undefined) {
      this.#link.send(this.#keys.established.closeNotify());
      // What is given to the socket leaves before it closes, a turn later.
      setImmediate(() => this.vanish());
    }
    return this.closed;
  }

  async #open(): Promise<ClientLink> {
    const link: ClientLink = await openClientLink(
      this.#server,
      // Nothing comes before the first packet is sent, which needs the link.
      (bytes) => this.#receive(bytes, link),
      () => {
        if (this.#link === link) {
          this.#end.resolve();
        }
      },
    );
    return link;
  }

  #receive(bytes: Buffer, link: ClientLink): void {
    switch (datagramKind(bytes)) {
      case 'stun':
        this.ice.receive(bytes, link, this.#server);
        break;
      case 'dtls':
        this.#dtls(bytes, link);
        break;
      case 'rtp':
        this.#rtp(bytes);
        break;
      case 'rtcp':
        this.#rtcp(bytes);
        break;
      case 'unknown':
        break;
    }
  }

  #dtls(bytes: Buffer, link: ClientLink): void {
    if (this.#handshake !== undefined) {
      this.#handshake(bytes);
      return;
    }
    const { closed, answer } = this.#keys?.established.receive(bytes, monotonicClock()) ?? { closed: false, answer: undefined };
    if (answer !== undefined) {
      link.send(answer);
    }
    if (closed) {
      this.vanish();
    }
  }

  #rtp(bytes: Buffer): void {
    const { received } = this;
    received.packets += 1;
    received.bytes += bytes.length;
    if (received.packets % (this.#options.verifyOneIn ?? 1) !== 0) {
      return;
    }
    const plain = this.#decrypt(() => this.#keys?.srtp.decrypt(bytes));
    if (plain !== undefined) {
      this.#options.onRtp?.(plain);
    }
  }

  #rtcp(bytes: Buffer): void {
    const plain = this.#decrypt(() => this.#keys?.srtcp.decrypt(bytes));
    if (plain !== undefined) {
      this.#options.onRtcp?.(plain);
    }
  }

  #decrypt(decrypt: () => Buffer | undefined): Buffer | undefined {
    try {
      const plain = decrypt();
      this.received.verified += 1;
      return plain;
    } catch {
      this.received.failed += 1;
      return undefined;
    }
  }
}
