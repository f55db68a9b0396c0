import { monotonicClock } from '#core/rtc/monotonic.ts';
import { PacketBatch } from '#core/rtc/packet-batch.ts';
import { datagramKind } from '#core/rtc/ports/demultiplex.ts';
import { createSrtpProtection, type SrtpProtection } from '#core/rtc/srtp/srtp-protection.ts';
import { clientCertificate, startClientHandshake, type ClientKeys } from '#core/rtc/testing/client-dtls.ts';
import { ClientIce } from '#core/rtc/testing/client-ice.ts';
import { openClientLink, type ClientLink } from '#core/rtc/testing/client-link.ts';
import { testCredentials } from '#core/rtc/testing/peer.ts';

import { peerOffer, readAnswer, type PeerOfferOptions } from './offers.ts';
import { openSession, type Posted } from './sessions.ts';

/** Where an {@link AttackPeer} goes. */
export type AttackOptions = {
  readonly server: string;
  readonly port: number;
  readonly to: { readonly key: string } | { readonly stream: string };
  readonly offer: Pick<PeerOfferOptions, 'direction' | 'feedback' | 'rids'>;
  readonly tcp?: boolean;
  readonly profile?: 1 | 7;
  /** Changes what is sent of the handshake; several datagrams where more are to go. Default: as it is. */
  readonly spoil?: (datagram: Buffer) => readonly Uint8Array[];
};

/** A peer with a session of its own and, once its handshake is done, valid keys: it protects whatever bytes it is given. */
export class AttackPeer {
  readonly posted: Posted;
  /** Sources that the server sends. */
  readonly ssrcs: readonly number[];
  /** Newest sequence number of each. */
  readonly heard = new Map<number, number>();
  readonly #ice: ClientIce;
  readonly #server: { readonly protocol: 'udp' | 'tcp'; readonly address: string; readonly port: number };
  readonly #options: AttackOptions;
  readonly #batch = new PacketBatch();
  readonly #fingerprint: Parameters<typeof startClientHandshake>[0]['fingerprint'];
  #link: ClientLink | undefined;
  #handshake: ((datagram: Buffer) => void) | undefined;
  #keys: ClientKeys | undefined;
  #protection: SrtpProtection | undefined;

  private constructor(options: AttackOptions, posted: Posted, local: ClientIce['local']) {
    const { remote, fingerprint, ssrcs } = readAnswer(posted.answer);
    this.posted = posted;
    this.ssrcs = ssrcs;
    this.#options = options;
    this.#fingerprint = fingerprint;
    this.#ice = new ClientIce(local, remote);
    this.#server = { protocol: options.tcp === true ? 'tcp' : 'udp', address: '127.0.0.1', port: options.port };
  }

  /** Asks for a session and has its address verified. */
  static async open(options: AttackOptions): Promise<AttackPeer> {
    const local = testCredentials();
    const { fingerprint } = await clientCertificate();
    const posted = await openSession(options.server, options.to, peerOffer({ ...options.offer, ice: local, fingerprint }));
    const peer = new AttackPeer(options, posted, local);
    peer.#link = await openClientLink(peer.#server, (bytes) => peer.#receive(bytes));
    await peer.#ice.check(peer.#link);
    return peer;
  }

  /** Shakes hands, spoilt as the options say. @returns whether it came to keys within so many milliseconds. */
  async shakeHands(patience = 5000): Promise<boolean> {
    const { profile = 7, spoil = (datagram: Buffer) => [datagram] } = this.#options;
    const { receive, keys } = startClientHandshake({
      certificate: await clientCertificate(),
      fingerprint: this.#fingerprint,
      profiles: [profile],
      send: (datagram) => spoil(datagram).forEach((bytes) => this.sendRaw(bytes)),
    });
    this.#handshake = (datagram) => {
      try {
        receive(datagram);
      } catch {
        // Its own words come back spoilt: that is the client's library's trouble.
      }
    };
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, patience);
    this.#keys = (await Promise.race([keys.catch(() => undefined), late.promise])) ?? undefined;
    clearTimeout(timer);
    if (this.#keys === undefined) {
      return false;
    }
    const { localMasterKey, localMasterSalt, remoteMasterKey, remoteMasterSalt } = this.#keys.srtp.config.keys;
    this.#protection = createSrtpProtection({
      profile: profile === 7 ? 'aead-aes-128-gcm' : 'aes128-cm-sha1-80',
      localKey: localMasterKey, localSalt: localMasterSalt, remoteKey: remoteMasterKey, remoteSalt: remoteMasterSalt, fastPath: 'auto',
    });
    return true;
  }

  /** A check as it sends it: signed. */
  request(): Buffer {
    return this.#ice.request();
  }

  /** Protects and sends. A packet whose header cannot be protected goes as it is. */
  sendRtp(packet: Uint8Array): void {
    const protection = this.#protection;
    if (protection === undefined || packet.length > 1400) {
      this.sendRaw(packet);
      return;
    }
    const batch = this.#batch;
    batch.reset(protection.overhead);
    batch.bytes.set(packet, batch.add(packet.length));
    try {
      protection.protect(batch);
    } catch {
      this.sendRaw(packet);
      return;
    }
    this.sendRaw(Buffer.from(batch.bytes.subarray(0, batch.lengths[0])));
  }

  /** Protects and sends. */
  sendRtcp(compound: Uint8Array): void {
    try {
      this.sendRaw(Buffer.from(this.#protection?.protectRtcp(compound) ?? compound));
    } catch {
      this.sendRaw(compound);
    }
  }

  /** Sends bytes as they are. */
  sendRaw(bytes: Uint8Array): void {
    this.#link?.send(bytes);
  }

  /** Goes without a word. */
  vanish(): void {
    this.#protection?.close();
    this.#protection = undefined;
    this.#link?.close();
    this.#link = undefined;
  }

  #receive(bytes: Buffer): void {
    switch (datagramKind(bytes)) {
      case 'stun':
        if (this.#link !== undefined) {
          this.#ice.receive(bytes, this.#link, this.#server);
        }
        break;
      case 'dtls':
        if (this.#keys === undefined) {
          this.#handshake?.(bytes);
        } else {
          this.#keys.established.receive(bytes, monotonicClock());
        }
        break;
      case 'rtp':
        this.heard.set(bytes.readUInt32BE(8), bytes.readUInt16BE(2));
        break;
      default:
    }
  }
}
