import { randomBytes } from 'node:crypto';

import type { Millis } from '../../media/time.ts';
import { MillraceError } from '../../runtime/errors.ts';
import { DtlsEstablished } from './established.ts';
import { failureAlert, REPEAT_MILLIS } from './flight.ts';
import { FlightSender, type FlightContent } from './flight-sender.ts';
import type { FlightTimer } from './flight-timer.ts';
import type { DtlsHandshakeOptions } from './handshake.ts';
import { HANDSHAKE_HEADER_BYTES, HANDSHAKE_TYPE, HandshakeMessages, writeHandshakeMessage, type HandshakeMessage } from './handshake-messages.ts';
import { isFinishedOf } from './peer-proof.ts';
import { verifyData } from './prf.ts';
import { CONTENT_TYPE, readRecords, type DtlsRecord } from './record.ts';
import type { RecordCipher } from './record-cipher.ts';
import { deriveMasterSecret, recordCipherOf, srtpKeysOf, type Randoms } from './secrets.ts';
import type { NumberedProfile } from './srtp-keys.ts';

/** What the client and the server answer in ways of their own. What they throw ends the handshake. */
export interface HandshakeCourse {
  /** A message has come whole and in its order. */
  message(message: HandshakeMessage): void;
  /** A record of epoch 1: the peer's Finished, or what somebody made to look like it. */
  finished(record: DtlsRecord): void;
  /** The peer repeats itself: it misses our flight. */
  missed(): void;
}

/** What both sides of a handshake do alike: read, write and remember messages, derive the keys, and end once. */
export class HandshakeSide {
  readonly random = randomBytes(32);
  readonly flights: FlightSender;
  readonly #name: 'client' | 'server';
  readonly #options: DtlsHandshakeOptions;
  readonly #messages = new HandshakeMessages();
  #transcript: Buffer[] = [];
  #randoms: Randoms | undefined;
  #masterSecret: Buffer | undefined;
  #cipher: RecordCipher | undefined;
  /** Number of our next message. A server's first is that of its requests for a cookie, which are all alike. */
  #sequence: number;
  /** When the peer last said something new. */
  #heardAt = -Infinity;
  #isOver = false;

  constructor(name: 'client' | 'server', options: DtlsHandshakeOptions & { readonly timer?: FlightTimer }) {
    this.#name = name;
    this.#options = options;
    this.#sequence = name === 'server' ? 1 : 0;
    this.flights = new FlightSender(options.send, options.timer);
  }

  /** All messages of both sides so far that the Finished messages stand for. */
  get transcript(): Buffer {
    return Buffer.concat(this.#transcript);
  }

  /** Number of the peer's message that is awaited. */
  get awaited(): number {
    return this.#messages.next;
  }

  /** Takes a datagram of the peer. Never throws. */
  receive(datagram: Buffer, now: Millis, course: HandshakeCourse): void {
    try {
      for (const record of readRecords(datagram)) {
        if (this.#isOver) {
          return;
        }
        // Alerts are not protected yet: anybody could have sent them. ChangeCipherSpec says nothing that the epoch does not.
        if (record.type === CONTENT_TYPE.handshake) {
          this.#take(record, now, course);
        }
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** A message of the peer's enters the transcript. */
  remember(bytes: Buffer): void {
    this.#transcript.push(bytes);
  }

  /** What was said until now is not part of what is finished. */
  forget(): void {
    this.#transcript = [];
  }

  /** A message for a flight, written down in the transcript. */
  write(type: number, body: Buffer): FlightContent {
    return this.#write(type, body, 0);
  }

  /** Our Finished, for a flight. */
  finished(): FlightContent {
    return this.#write(HANDSHAKE_TYPE.finished, verifyData(this.#name, this.#masterSecret!, this.transcript), 1);
  }

  /** Derives the keys of records; the transcript ends with ClientKeyExchange. `isExtended`: both know the extended master secret. */
  deriveKeys(secret: Buffer, peerRandom: Buffer, isExtended: boolean): void {
    this.#randoms = this.#name === 'client' ? { client: this.random, server: peerRandom } : { client: peerRandom, server: this.random };
    this.#masterSecret = deriveMasterSecret(secret, this.#randoms, isExtended ? this.transcript : undefined);
    this.#cipher = recordCipherOf(this.#name, this.#masterSecret, this.#randoms);
    this.flights.cipher = this.#cipher;
  }

  /**
   * Opens the peer's Finished. What cannot be opened may be forged: it ends nothing.
   *
   * @throws {MillraceError} `rtc/dtls-finished` where it stands for another handshake.
   */
  openFinished(record: DtlsRecord): Buffer | undefined {
    const message = this.#cipher?.open(record);
    if (message === undefined || message.length < HANDSHAKE_HEADER_BYTES || message[0] !== HANDSHAKE_TYPE.finished) {
      return undefined;
    }
    const peer = this.#name === 'client' ? 'server' : 'client';
    if (!isFinishedOf(peer, message.subarray(HANDSHAKE_HEADER_BYTES), this.#masterSecret!, this.transcript)) {
      throw new MillraceError('rtc/dtls-finished', 'The peer and the server did not see the same handshake.');
    }
    return message;
  }

  /** Both have finished. `lastFlight`: for a peer that misses it. */
  succeed(profile: NumberedProfile, lastFlight?: Uint8Array): void {
    const keys = srtpKeysOf(this.#name, profile, this.#masterSecret!, this.#randoms!);
    const established = new DtlsEstablished(this.#cipher!, lastFlight, this.flights.nextProtected);
    this.close();
    this.#options.done(keys, established);
  }

  /** Idempotent. */
  close(): void {
    this.#isOver = true;
    this.flights.close();
    this.#transcript = [];
  }

  #take(record: DtlsRecord, now: Millis, course: HandshakeCourse): void {
    if (record.epoch === 1) {
      course.finished(record);
      return;
    }
    if (record.epoch !== 0) {
      return;
    }
    const { messages, repeated } = this.#messages.push(record.fragment);
    if (messages.length > 0) {
      this.#heardAt = now;
      messages.forEach((message) => course.message(message));
    } else if (repeated && now - this.#heardAt >= REPEAT_MILLIS) {
      this.#heardAt = now;
      course.missed();
    }
  }

  #write(type: number, body: Buffer, epoch: 0 | 1): FlightContent {
    const bytes = writeHandshakeMessage(type, this.#sequence++, body);
    this.#transcript.push(bytes);
    return { type: CONTENT_TYPE.handshake, epoch, bytes };
  }

  #fail(error: unknown): void {
    if (!this.#isOver) {
      this.#options.send(failureAlert(error));
      this.close();
      this.#options.failed(error);
    }
  }
}
