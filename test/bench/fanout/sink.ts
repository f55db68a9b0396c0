import { compound, writeReceiverReport, writeTransportFeedback } from '#core/media/rtp/rtcp/write.ts';
import { createSrtpProtection, type SrtpProtection } from '#core/rtc/srtp/srtp-protection.ts';
import { startClientHandshake, clientCertificate, type ClientKeys } from '#core/rtc/testing/client-dtls.ts';
import { ClientIce } from '#core/rtc/testing/client-ice.ts';
import type { ClientLink } from '#core/rtc/testing/client-link.ts';
import { monotonicClock } from '#core/rtc/monotonic.ts';
import { testCredentials } from '#core/rtc/testing/peer.ts';

import { Arrivals } from './arrivals.ts';
import { readAnswer, sinkOffer, TRANSPORT_CC_ID, type SinkAnswer } from './offer.ts';
import type { SinkServer, SinkSocket } from './sink-socket.ts';
import { LATE_SLOTS, StreamTally } from './stream-tally.ts';

/** Counts over all sinks of a process since the last mark. */
export type SinkCounts = { verified: number; forged: number; other: number; readonly late: Uint32Array };

const SENDER_SSRC = 1;
const ONE_BYTE_PROFILE = 0xbede;
/** One packet in so many is decrypted and verified. */
export const VERIFY_ONE_IN = 64;
const REPORT_EVERY = 10;
const CONNECT_MILLIS = 12_000;
/** DTLS records of handshakes, and where the message begins: RFC 6347, 4.1. */
const HANDSHAKE = 22;
const HANDSHAKE_AT = 13;

/** What all sinks of a process share. */
export type SinkContext = { readonly socket: SinkSocket; readonly server: SinkServer; readonly counts: SinkCounts };

/**
 * A viewer that costs next to nothing: real ICE, DTLS and SRTP keys. It reads sequence numbers, timestamps and transport-wide numbers, which
 * are in clear, verifies one packet in 64, and reports as a browser does. It asks for nothing again, and decodes nothing.
 */
export class Sink {
  readonly #context: SinkContext;
  readonly #link: ClientLink;
  readonly #arrivals = new Arrivals();
  #ice: ClientIce | undefined;
  #handshake: ((datagram: Buffer) => void) | undefined;
  /** Begins of the server's handshake messages that came: type, length, number, offset. */
  readonly #flights = new Set<string>();
  #keys: ClientKeys | undefined;
  #protection: SrtpProtection | undefined;
  #location = '';
  #reports = 0;
  video = new StreamTally(0, 90_000);
  audio = new StreamTally(0, 48_000);
  /** Whether the server said goodbye. */
  ended = false;

  constructor(number: number, context: SinkContext) {
    this.#context = context;
    const { socket } = context;
    this.#link = { localPort: socket.port, send: (bytes) => socket.send(number, bytes), pause: () => {}, close: () => {} };
  }

  /** Connects: offer, checks, handshake, keys. @throws {Error} where any of it fails. */
  async join(post: (offer: string) => Promise<{ readonly location: string; readonly answer: string }>): Promise<void> {
    const local = testCredentials();
    const certificate = await clientCertificate();
    const { location, answer } = await post(sinkOffer(local, certificate.fingerprint));
    this.#location = location;
    let limit: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      limit = setTimeout(() => reject(new Error('the handshake took too long')), CONNECT_MILLIS);
    });
    await Promise.race([this.#connect(readAnswer(answer), local), late]).finally(() => clearTimeout(limit));
  }

  /** Its session's URL. */
  get location(): string {
    return this.#location;
  }

  /** Takes a datagram of the shared socket's buffer. */
  receive(bytes: Buffer, at: number, length: number, arrival: number): void {
    const first = bytes[at]!;
    if (first >= 128 && first <= 191) {
      const second = bytes[at + 1]!;
      if (second < 192 || second > 223) {
        this.#rtp(bytes, at, length, arrival);
      }
      return;
    }
    const datagram = Buffer.from(bytes.subarray(at, at + length));
    if (first <= 3) {
      this.#ice?.receive(datagram, this.#link, this.#context.server);
    } else if (this.#handshake !== undefined) {
      this.#take(datagram);
    } else if (this.#keys?.established.receive(datagram, monotonicClock()).closed === true) {
      this.ended = true;
    }
  }

  /** Feedback on what came since the last call; with receiver reports once in so many calls. */
  report(): void {
    const feedback = this.#arrivals.take(SENDER_SSRC, this.video.ssrc);
    if (this.#protection === undefined || feedback === undefined) {
      return;
    }
    const transport = writeTransportFeedback(feedback);
    this.#reports += 1;
    const all = this.#reports % REPORT_EVERY === 0 ? compound(this.#receiverReport(), transport) : transport;
    this.#link.send(this.#protection.protectRtcp(all));
  }

  /** A check of consent. */
  check(): void {
    if (this.#ice !== undefined && !this.ended) {
      this.#link.send(this.#ice.request());
    }
  }

  mark(): void {
    this.video.mark();
    this.audio.mark();
  }

  /** Says goodbye (close_notify). */
  leave(): void {
    if (this.#keys !== undefined) {
      this.#link.send(this.#keys.established.closeNotify());
    }
    this.#protection?.close();
    this.#protection = undefined;
  }

  async #connect({ remote, fingerprint, videoSsrc, audioSsrc }: SinkAnswer, local: ClientIce['local']): Promise<void> {
    this.video = new StreamTally(videoSsrc, 90_000);
    this.audio = new StreamTally(audioSsrc, 48_000);
    this.#ice = new ClientIce(local, remote);
    await this.#ice.check(this.#link);
    const certificate = await clientCertificate();
    const { receive, keys } = startClientHandshake({ certificate, fingerprint, send: (datagram) => this.#link.send(datagram) });
    this.#handshake = receive;
    this.#keys = await keys;
    this.#handshake = undefined;
    this.#flights.clear();
    const { localMasterKey, localMasterSalt, remoteMasterKey, remoteMasterSalt } = this.#keys.srtp.config.keys;
    this.#protection = createSrtpProtection({
      profile: this.#keys.profile === 7 ? 'aead-aes-128-gcm' : 'aes128-cm-sha1-80',
      localKey: localMasterKey, localSalt: localMasterSalt, remoteKey: remoteMasterKey, remoteSalt: remoteMasterSalt, fastPath: 'auto',
    });
  }

  /** werift's client gives up where a message of the server comes twice, as it does when the client itself was slow. */
  #take(datagram: Buffer): void {
    const message = datagram.toString('latin1', HANDSHAKE_AT, HANDSHAKE_AT + 9);
    if (datagram[0] !== HANDSHAKE || datagram[4] !== 0 || !this.#flights.has(message)) {
      this.#flights.add(message);
      this.#handshake?.(datagram);
    }
  }

  #rtp(bytes: Buffer, at: number, length: number, arrival: number): void {
    const ssrc = word(bytes, at + 8);
    const sequence = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    const { counts } = this.#context;
    const tally = ssrc === this.video.ssrc ? this.video : ssrc === this.audio.ssrc ? this.audio : undefined;
    if (tally === undefined) {
      counts.other += 1;
    } else {
      const late = tally.take(sequence, word(bytes, at + 4), arrival);
      if (late >= 0 && tally === this.video) {
        counts.late[Math.min(LATE_SLOTS - 1, Math.floor(late))]! += 1;
      }
      if (sequence % VERIFY_ONE_IN === 0) {
        this.#verify(Buffer.from(bytes.subarray(at, at + length)));
      }
    }
    const transport = transportSequence(bytes, at);
    if (transport >= 0) {
      this.#arrivals.add(transport, arrival);
    }
  }

  /** By werift, which knows nothing of our protection. */
  #verify(packet: Buffer): void {
    const { counts } = this.#context;
    try {
      this.#keys?.srtp.decrypt(packet);
      counts.verified += 1;
    } catch {
      counts.forged += 1;
    }
  }

  #receiverReport(): Uint8Array {
    const reports = [this.video, this.audio].filter(({ highest }) => highest >= 0).map(({ ssrc, highest, lost }) => ({
      ssrc, fractionLost: 0, cumulativeLost: lost, highestSequence: highest >>> 0, jitter: 0, lastSenderReport: 0, delaySinceLastSenderReport: 0,
    }));
    return writeReceiverReport({ ssrc: SENDER_SSRC, reports });
  }
}

function word(bytes: Buffer, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** Of a one-byte header extension (RFC 8285, 4.2); -1 without. */
function transportSequence(bytes: Buffer, start: number): number {
  if ((bytes[start]! & 0x10) === 0) {
    return -1;
  }
  let at = start + 12 + 4 * (bytes[start]! & 0x0f);
  if (((bytes[at]! << 8) | bytes[at + 1]!) !== ONE_BYTE_PROFILE) {
    return -1;
  }
  const end = at + 4 + 4 * ((bytes[at + 2]! << 8) | bytes[at + 3]!);
  for (at += 4; at < end; ) {
    const id = bytes[at]! >> 4;
    if (id === TRANSPORT_CC_ID) {
      return (bytes[at + 1]! << 8) | bytes[at + 2]!;
    }
    at += id === 0 ? 1 : 2 + (bytes[at]! & 0x0f);
  }
  return -1;
}
