import { randomBytes, sign } from 'node:crypto';

import type { Millis } from '../../media/time.ts';
import { MillraceError } from '../../runtime/errors.ts';
import { clientHello, clientKeyExchange, readCookie, readServerHello, readServerKeyExchange, type ServerHello } from './client-messages.ts';
import { DtlsEstablished } from './established.ts';
import { failureAlert, REPEAT_MILLIS } from './flight.ts';
import { CHANGE_CIPHER_SPEC, FlightSender, type FlightContent } from './flight-sender.ts';
import type { FlightTimer } from './flight-timer.ts';
import type { DtlsHandshake, DtlsHandshakeOptions } from './handshake.ts';
import { HANDSHAKE_HEADER_BYTES, HANDSHAKE_TYPE, HandshakeMessages, writeHandshakeMessage, type HandshakeMessage } from './handshake-messages.ts';
import { createKeyShare } from './key-agreement.ts';
import { certificateMessage, digitallySigned } from './message-bytes.ts';
import { ownKey } from './own-key.ts';
import { announcedCertificate, checkSignature, isFinishedOf } from './peer-proof.ts';
import { verifyData } from './prf.ts';
import { CONTENT_TYPE, readRecords, type DtlsRecord } from './record.ts';
import type { RecordCipher } from './record-cipher.ts';
import { deriveMasterSecret, recordCipherOf, srtpKeysOf } from './secrets.ts';
import { agreedProfile, type NumberedProfile } from './srtp-keys.ts';

/** What a client's handshake needs. */
export type DtlsClientHandshakeOptions = DtlsHandshakeOptions & { readonly timer?: FlightTimer };

/**
 * Hellos of each of the two kinds, without and with a cookie. Until the server's flight has come nothing proves that the peer wants ours
 * where they go, so these few short ones are all that an address can be made to receive.
 */
const MAX_HELLOS = 8;

/** Messages that may come, by what came last: RFC 5246, 7.3 with RFC 6347, 4.2.1. */
const FOLLOWERS: ReadonlyMap<number | undefined, readonly number[]> = new Map<number | undefined, readonly number[]>([
  [undefined, [HANDSHAKE_TYPE.helloVerifyRequest, HANDSHAKE_TYPE.serverHello]],
  [HANDSHAKE_TYPE.helloVerifyRequest, [HANDSHAKE_TYPE.serverHello]],
  [HANDSHAKE_TYPE.serverHello, [HANDSHAKE_TYPE.certificate]],
  [HANDSHAKE_TYPE.certificate, [HANDSHAKE_TYPE.serverKeyExchange]],
  [HANDSHAKE_TYPE.serverKeyExchange, [HANDSHAKE_TYPE.certificateRequest, HANDSHAKE_TYPE.serverHelloDone]],
  [HANDSHAKE_TYPE.certificateRequest, [HANDSHAKE_TYPE.serverHelloDone]],
]);

/** The client's side of one DTLS 1.2 handshake, with a peer that waits for it (`a=setup:passive`). */
export class DtlsClientHandshake implements DtlsHandshake {
  readonly #options: DtlsClientHandshakeOptions;
  readonly #flights: FlightSender;
  readonly #messages = new HandshakeMessages();
  readonly #random = randomBytes(32);
  /** All messages of both sides that the Finished messages stand for. */
  #transcript: Buffer[] = [];
  #last: number | undefined;
  #hello: ServerHello | undefined;
  #profile: NumberedProfile | undefined;
  #certificate: Buffer | undefined;
  #agreement: { readonly publicKey: Buffer; readonly secret: Buffer } | undefined;
  #isCertificateWanted = false;
  #masterSecret: Buffer | undefined;
  #cipher: RecordCipher | undefined;
  /** Number of the next message. */
  #sequence = 0;
  #flightAt = -Infinity;
  #isOver = false;

  constructor(options: DtlsClientHandshakeOptions) {
    this.#options = options;
    this.#flights = new FlightSender(options.send, options.timer);
  }

  /** Sends the first hello. Once, when there is an address to send it to. */
  start(now: Millis): void {
    this.#greet(Buffer.alloc(0), now);
  }

  receive(datagram: Buffer, now: Millis): void {
    try {
      for (const record of readRecords(datagram)) {
        if (this.#isOver) {
          return;
        }
        if (record.type === CONTENT_TYPE.handshake) {
          this.#handshake(record, now);
        }
        // Alerts are not protected yet: anybody could have sent them. ChangeCipherSpec says nothing that the epoch does not.
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  close(): void {
    this.#isOver = true;
    this.#flights.close();
    this.#transcript = [];
  }

  #handshake(record: DtlsRecord, now: Millis): void {
    if (record.epoch === 1) {
      this.#finished(record);
      return;
    }
    if (record.epoch !== 0) {
      return;
    }
    const { messages, repeated } = this.#messages.push(record.fragment);
    messages.forEach((message) => this.#message(message, now));
    if (repeated && messages.length === 0 && now - this.#flightAt >= REPEAT_MILLIS) {
      // The server misses our flight.
      this.#flightAt = now;
      this.#flights.repeat();
    }
  }

  #message(message: HandshakeMessage, now: Millis): void {
    const { type, body } = message;
    if (FOLLOWERS.get(this.#last)?.includes(type) !== true) {
      throw new MillraceError('rtc/dtls-order', `A handshake message of type ${type} came in place ${message.sequence}.`);
    }
    this.#last = type;
    if (type === HANDSHAKE_TYPE.helloVerifyRequest) {
      // Neither the first hello nor this request are part of what is finished, RFC 6347, 4.2.1.
      this.#transcript = [];
      this.#greet(readCookie(body), now);
      return;
    }
    this.#transcript.push(message.bytes);
    switch (type) {
      case HANDSHAKE_TYPE.serverHello:
        this.#hello = readServerHello(body);
        this.#profile = agreedProfile(this.#hello.srtpProfile);
        break;
      case HANDSHAKE_TYPE.certificate:
        this.#certificate = announcedCertificate(body, this.#options.fingerprints);
        break;
      case HANDSHAKE_TYPE.serverKeyExchange:
        this.#agreement = this.#keyExchange(body, this.#hello!);
        break;
      case HANDSHAKE_TYPE.certificateRequest:
        this.#isCertificateWanted = true;
        break;
      case HANDSHAKE_TYPE.serverHelloDone:
        this.#prove(now);
        break;
    }
  }

  /** Sends a hello and begins to wait for its answer. */
  #greet(cookie: Buffer, now: Millis): void {
    this.#flightAt = now;
    this.#flights.begin([this.#write(HANDSHAKE_TYPE.clientHello, clientHello(this.#random, cookie))], { times: MAX_HELLOS });
  }

  /** Whoever signed this holds the certificate's key, here and now: it covers our random. */
  #keyExchange(body: Buffer, { random, keyType }: ServerHello): { readonly publicKey: Buffer; readonly secret: Buffer } {
    const { group, publicKey, parameters, signature } = readServerKeyExchange(body);
    checkSignature(signature, this.#certificate!, Buffer.concat([this.#random, random, parameters]), keyType);
    const share = createKeyShare(group);
    return { publicKey: share.publicKey, secret: share.agree(publicKey) };
  }

  /** Sends our key, the proof of our certificate where it is wanted, and Finished. */
  #prove(now: Millis): void {
    const { publicKey, secret } = this.#agreement!;
    const { der, key } = ownKey(this.#options.certificate);
    const flight: FlightContent[] = [];
    if (this.#isCertificateWanted) {
      flight.push(this.#write(HANDSHAKE_TYPE.certificate, certificateMessage(der)));
    }
    flight.push(this.#write(HANDSHAKE_TYPE.clientKeyExchange, clientKeyExchange(publicKey)));
    this.#deriveKeys(secret, this.#hello!);
    if (this.#isCertificateWanted) {
      flight.push(this.#write(HANDSHAKE_TYPE.certificateVerify, digitallySigned(sign('sha256', Buffer.concat(this.#transcript), key))));
    }
    flight.push(CHANGE_CIPHER_SPEC);
    flight.push(this.#write(HANDSHAKE_TYPE.finished, verifyData('client', this.#masterSecret!, Buffer.concat(this.#transcript)), 1));
    this.#flightAt = now;
    this.#flights.begin(flight);
  }

  #deriveKeys(secret: Buffer, { random, extendedMasterSecret: isExtended }: ServerHello): void {
    const randoms = { client: this.#random, server: random };
    this.#masterSecret = deriveMasterSecret(secret, randoms, isExtended ? Buffer.concat(this.#transcript) : undefined);
    this.#cipher = recordCipherOf('client', this.#masterSecret, randoms);
    this.#flights.cipher = this.#cipher;
  }

  /** The server's Finished ends the handshake. What cannot be opened may be forged: it ends nothing. */
  #finished(record: DtlsRecord): void {
    const message = this.#cipher?.open(record);
    if (message === undefined || message.length < HANDSHAKE_HEADER_BYTES || message[0] !== HANDSHAKE_TYPE.finished) {
      return;
    }
    if (!isFinishedOf('server', message.subarray(HANDSHAKE_HEADER_BYTES), this.#masterSecret!, Buffer.concat(this.#transcript))) {
      throw new MillraceError('rtc/dtls-finished', 'The peer and the server did not see the same handshake.');
    }
    const keys = srtpKeysOf('client', this.#profile!, this.#masterSecret!, { client: this.#random, server: this.#hello!.random });
    const established = new DtlsEstablished(this.#cipher!, undefined, this.#flights.nextProtected);
    this.close();
    this.#options.done(keys, established);
  }

  /** A message for a flight, written down in the transcript. */
  #write(type: number, body: Buffer, epoch: 0 | 1 = 0): FlightContent {
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
