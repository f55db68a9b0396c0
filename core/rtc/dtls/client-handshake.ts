import { createPrivateKey, randomBytes, sign, X509Certificate } from 'node:crypto';

import type { Millis } from '../../media/time.ts';
import { MillraceError } from '../../runtime/errors.ts';
import { certificateMessage, certificateVerify, clientHello, clientKeyExchange, readCookie, readServerHello, readServerKeyExchange, type ServerHello } from './client-messages.ts';
import { DtlsEstablished } from './established.ts';
import { datagramsOf, failureAlert, REPEAT_MILLIS } from './flight.ts';
import { processTimer, type FlightTimer } from './flight-timer.ts';
import type { DtlsHandshake, DtlsHandshakeOptions } from './handshake.ts';
import { HANDSHAKE_HEADER_BYTES, HANDSHAKE_TYPE, HandshakeMessages, writeHandshakeMessage, type HandshakeMessage } from './handshake-messages.ts';
import { agree, type KeyAgreement } from './key-agreement.ts';
import { announcedCertificate, checkSignature, isFinishedOf } from './peer-proof.ts';
import { extendedMasterSecret, masterSecret, prf, verifyData } from './prf.ts';
import { CONTENT_TYPE, readRecords, writeRecord, type DtlsRecord } from './record.ts';
import { RecordCipher } from './record-cipher.ts';
import { agreedProfile, SRTP_KEY_BYTES, type NumberedProfile } from './srtp-keys.ts';

/** What a client's handshake needs. */
export type DtlsClientHandshakeOptions = DtlsHandshakeOptions & { readonly timer?: FlightTimer };

/**
 * A flight without an answer is sent again after this, then after twice as long, and so on. RFC 6347, 4.2.4.1 advises one second, and
 * less where delay matters: a server that was not ready yet (ffmpeg reads the first hello and forgets it) costs its viewers this much.
 */
const FIRST_REPEAT_MILLIS = 100;
const MAX_REPEAT_MILLIS = 3200;
/**
 * Hellos in all. Until the server's flight has come nothing proves that the peer wants ours where they go, so these few short
 * ones are all that an address can be made to receive.
 */
const MAX_HELLOS = 8;
/** Bytes of keys for records: two write keys of 16 and two implicit nonces of 4, RFC 5288, 3. */
const KEY_BLOCK_BYTES = 40;

/** Messages that may come, by what came last: RFC 5246, 7.3 with RFC 6347, 4.2.1. */
const FOLLOWERS: ReadonlyMap<number | undefined, readonly number[]> = new Map<number | undefined, readonly number[]>([
  [undefined, [HANDSHAKE_TYPE.helloVerifyRequest, HANDSHAKE_TYPE.serverHello]],
  [HANDSHAKE_TYPE.helloVerifyRequest, [HANDSHAKE_TYPE.serverHello]],
  [HANDSHAKE_TYPE.serverHello, [HANDSHAKE_TYPE.certificate]],
  [HANDSHAKE_TYPE.certificate, [HANDSHAKE_TYPE.serverKeyExchange]],
  [HANDSHAKE_TYPE.serverKeyExchange, [HANDSHAKE_TYPE.certificateRequest, HANDSHAKE_TYPE.serverHelloDone]],
  [HANDSHAKE_TYPE.certificateRequest, [HANDSHAKE_TYPE.serverHelloDone]],
]);

/** What a record of a flight carries. It gets a number of its own each time it is sent: a replay window lets none through twice. */
type Content = { readonly type: number; readonly epoch: 0 | 1; readonly bytes: Uint8Array };

/** The client's side of one DTLS 1.2 handshake, with a peer that waits for it (`a=setup:passive`). */
export class DtlsClientHandshake implements DtlsHandshake {
  readonly #options: DtlsClientHandshakeOptions;
  readonly #timer: FlightTimer;
  readonly #messages = new HandshakeMessages();
  readonly #random = randomBytes(32);
  /** All messages of both sides that the Finished messages stand for. */
  #transcript: Buffer[] = [];
  #last: number | undefined;
  #hello: ServerHello | undefined;
  #profile: NumberedProfile | undefined;
  #certificate: Buffer | undefined;
  #agreement: KeyAgreement | undefined;
  #isCertificateWanted = false;
  #masterSecret: Buffer | undefined;
  #cipher: RecordCipher | undefined;
  /** Numbers of the next message and of the next record in either epoch. */
  #sequence = 0;
  readonly #recordSequences: [number, number] = [0, 0];
  #flight: readonly Content[] = [];
  #flightAt = -Infinity;
  #hellos = 0;
  #isOver = false;

  constructor(options: DtlsClientHandshakeOptions) {
    this.#options = options;
    this.#timer = options.timer ?? processTimer();
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
    this.#timer.clear();
    this.#flight = [];
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
      this.#sendFlight();
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
    this.#begin([this.#write(HANDSHAKE_TYPE.clientHello, clientHello(this.#random, cookie))], now);
  }

  /** Whoever signed this holds the certificate's key, here and now: it covers our random. */
  #keyExchange(body: Buffer, { random, keyType }: ServerHello): KeyAgreement {
    const { group, publicKey, parameters, signature } = readServerKeyExchange(body);
    checkSignature(signature, this.#certificate!, Buffer.concat([this.#random, random, parameters]), keyType);
    return agree(group, publicKey);
  }

  /** Sends our key, the proof of our certificate where it is wanted, and Finished. */
  #prove(now: Millis): void {
    const { publicKey, secret } = this.#agreement!;
    const { certPem, keyPem } = this.#options.certificate;
    const flight: Content[] = [];
    if (this.#isCertificateWanted) {
      flight.push(this.#write(HANDSHAKE_TYPE.certificate, certificateMessage(new X509Certificate(certPem).raw)));
    }
    flight.push(this.#write(HANDSHAKE_TYPE.clientKeyExchange, clientKeyExchange(publicKey)));
    this.#deriveKeys(secret, this.#hello!);
    if (this.#isCertificateWanted) {
      flight.push(this.#write(HANDSHAKE_TYPE.certificateVerify, certificateVerify(sign('sha256', Buffer.concat(this.#transcript), createPrivateKey(keyPem)))));
    }
    flight.push({ type: CONTENT_TYPE.changeCipherSpec, epoch: 0, bytes: Uint8Array.of(1) });
    flight.push(this.#write(HANDSHAKE_TYPE.finished, verifyData('client', this.#masterSecret!, Buffer.concat(this.#transcript)), 1));
    this.#begin(flight, now);
  }

  #deriveKeys(secret: Buffer, { random, extendedMasterSecret: isExtended }: ServerHello): void {
    const master = isExtended ? extendedMasterSecret(secret, Buffer.concat(this.#transcript)) : masterSecret(secret, this.#random, random);
    const block = prf(master, 'key expansion', Buffer.concat([random, this.#random]), KEY_BLOCK_BYTES);
    this.#masterSecret = master;
    this.#cipher = new RecordCipher({ key: block.subarray(0, 16), salt: block.subarray(32, 36) }, { key: block.subarray(16, 32), salt: block.subarray(36, 40) });
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
    const { name, saltBytes } = this.#profile!;
    // client_write_key, server_write_key, client_write_salt, server_write_salt: RFC 5764, 4.2. Copies, so that none keeps the others.
    const exported = prf(this.#masterSecret!, 'EXTRACTOR-dtls_srtp', Buffer.concat([this.#random, this.#hello!.random]), 2 * (SRTP_KEY_BYTES + saltBytes));
    const part = (from: number, length: number): Uint8Array => Uint8Array.from(exported.subarray(from, from + length));
    const established = new DtlsEstablished(this.#cipher!, undefined, this.#recordSequences[1]);
    this.close();
    this.#options.done(
      {
        profile: name,
        localKey: part(0, SRTP_KEY_BYTES),
        remoteKey: part(SRTP_KEY_BYTES, SRTP_KEY_BYTES),
        localSalt: part(2 * SRTP_KEY_BYTES, saltBytes),
        remoteSalt: part(2 * SRTP_KEY_BYTES + saltBytes, saltBytes),
      },
      established,
    );
  }

  /** A message for a flight, written down in the transcript. */
  #write(type: number, body: Buffer, epoch: 0 | 1 = 0): Content {
    const bytes = writeHandshakeMessage(type, this.#sequence++, body);
    this.#transcript.push(bytes);
    return { type: CONTENT_TYPE.handshake, epoch, bytes };
  }

  /** Sends a new flight, and again until it is answered. */
  #begin(flight: readonly Content[], now: Millis): void {
    this.#flight = flight;
    this.#flightAt = now;
    this.#sendFlight();
    this.#repeatAfter(FIRST_REPEAT_MILLIS);
  }

  #repeatAfter(milliseconds: number): void {
    this.#timer.set(() => {
      this.#sendFlight();
      this.#repeatAfter(Math.min(2 * milliseconds, MAX_REPEAT_MILLIS));
    }, milliseconds);
  }

  #sendFlight(): void {
    if (this.#masterSecret === undefined) {
      this.#hellos += 1;
      if (this.#hellos > MAX_HELLOS) {
        return;
      }
    }
    const records = this.#flight.map(({ type, epoch, bytes }) => {
      const sequence = this.#recordSequences[epoch]++;
      return epoch === 0 ? writeRecord(type, epoch, sequence, bytes) : this.#cipher!.seal(type, epoch, sequence, bytes);
    });
    datagramsOf(records).forEach((datagram) => this.#options.send(datagram));
  }

  #fail(error: unknown): void {
    if (!this.#isOver) {
      this.#options.send(failureAlert(error));
      this.close();
      this.#options.failed(error);
    }
  }
}
