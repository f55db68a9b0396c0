import { randomBytes, sign } from 'node:crypto';

import type { Millis } from '../../media/time.ts';
import { MillraceError } from '../../runtime/errors.ts';
import { DtlsEstablished } from './established.ts';
import { failureAlert, REPEAT_MILLIS } from './flight.ts';
import { CHANGE_CIPHER_SPEC, FlightSender, type FlightContent } from './flight-sender.ts';
import type { FlightTimer } from './flight-timer.ts';
import type { DtlsHandshake, DtlsHandshakeOptions } from './handshake.ts';
import { HANDSHAKE_HEADER_BYTES, HANDSHAKE_TYPE, HandshakeMessages, writeHandshakeMessage, type HandshakeMessage } from './handshake-messages.ts';
import { createKeyShare, type KeyShare } from './key-agreement.ts';
import { certificateMessage, digitallySigned } from './message-bytes.ts';
import { ownKey } from './own-key.ts';
import { announcedCertificate, checkSignature, isFinishedOf } from './peer-proof.ts';
import { verifyData } from './prf.ts';
import { CONTENT_TYPE, readRecords, type DtlsRecord } from './record.ts';
import type { RecordCipher } from './record-cipher.ts';
import { deriveMasterSecret, recordCipherOf, srtpKeysOf } from './secrets.ts';
import { certificateRequest, helloVerifyRequest, keyParameters, readClientHello, readClientKeyExchange, serverHello, type ClientHello } from './server-messages.ts';
import { agreedProfile, type NumberedProfile } from './srtp-keys.ts';

/** What a server's handshake needs. */
export type DtlsServerHandshakeOptions = DtlsHandshakeOptions & { readonly timer?: FlightTimer };

/** What a client sends, in order: hello, hello with cookie, and its proof. Finished, protected, comes behind. */
const EXPECTED: readonly number[] = [
  HANDSHAKE_TYPE.clientHello,
  HANDSHAKE_TYPE.clientHello,
  HANDSHAKE_TYPE.certificate,
  HANDSHAKE_TYPE.clientKeyExchange,
  HANDSHAKE_TYPE.certificateVerify,
];
const COOKIE_BYTES = 20;

/** The server's side of one DTLS 1.2 handshake. The client proves that it is where it says (cookie) and who it says (certificate, Finished). */
export class DtlsServerHandshake implements DtlsHandshake {
  readonly #options: DtlsServerHandshakeOptions;
  readonly #flights: FlightSender;
  readonly #messages = new HandshakeMessages();
  readonly #random = randomBytes(32);
  readonly #cookie = randomBytes(COOKIE_BYTES);
  /** All messages of both sides that the Finished messages stand for: from the hello with the cookie on. */
  #transcript: Buffer[] = [];
  #hello: ClientHello | undefined;
  #profile: NumberedProfile | undefined;
  #share: KeyShare | undefined;
  #certificate: Buffer | undefined;
  #masterSecret: Buffer | undefined;
  #cipher: RecordCipher | undefined;
  /** A Finished that came before what it stands on. */
  #early: Buffer | undefined;
  /** Number of our next message. */
  #sequence = 0;
  #flightAt = -Infinity;
  #isOver = false;

  constructor(options: DtlsServerHandshakeOptions) {
    this.#options = options;
    this.#flights = new FlightSender(options.send, options.timer);
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
    for (const message of messages) {
      this.#flightAt = now;
      this.#message(message);
    }
    if (repeated && messages.length === 0 && now - this.#flightAt >= REPEAT_MILLIS) {
      // The client misses our flight.
      this.#flightAt = now;
      this.#flights.repeat();
    }
    if (this.#early !== undefined && this.#messages.next === EXPECTED.length) {
      const [early] = readRecords(this.#early);
      this.#early = undefined;
      this.#finished(early!);
    }
  }

  #message({ type, sequence, body, bytes }: HandshakeMessage): void {
    if (type !== EXPECTED[sequence]) {
      throw new MillraceError('rtc/dtls-order', `A handshake message of type ${type} came in place ${sequence}.`);
    }
    if (sequence === 0) {
      readClientHello(body);
      // "The HelloVerifyRequest is not retransmitted by a timer": whoever only pretends to be here gets no more than it sends.
      this.#flights.begin([this.#write(HANDSHAKE_TYPE.helloVerifyRequest, helloVerifyRequest(this.#cookie))], { waits: false });
      this.#transcript = [];
      return;
    }
    if (type === HANDSHAKE_TYPE.certificateVerify) {
      checkSignature(body, this.#certificate!, Buffer.concat(this.#transcript));
    }
    this.#transcript.push(bytes);
    switch (type) {
      case HANDSHAKE_TYPE.clientHello:
        this.#greet(readClientHello(body));
        break;
      case HANDSHAKE_TYPE.certificate:
        this.#certificate = announcedCertificate(body, this.#options.fingerprints);
        break;
      case HANDSHAKE_TYPE.clientKeyExchange:
        this.#deriveKeys(this.#share!.agree(readClientKeyExchange(body)), this.#hello!);
        break;
    }
  }

  /** Answers the hello: what was chosen, our certificate and key, and that we want theirs. */
  #greet(hello: ClientHello): void {
    if (!hello.cookie.equals(this.#cookie)) {
      throw new MillraceError('rtc/dtls-order', 'The peer\'s hello does not carry the cookie that it was given.');
    }
    this.#hello = hello;
    this.#profile = agreedProfile(hello.srtpProfile);
    this.#share = createKeyShare(hello.group);
    const { der, key } = ownKey(this.#options.certificate);
    const parameters = keyParameters(hello.group, this.#share.publicKey);
    const signature = sign('sha256', Buffer.concat([hello.random, this.#random, parameters]), key);
    this.#flights.begin([
      this.#write(HANDSHAKE_TYPE.serverHello, serverHello(this.#random, hello)),
      this.#write(HANDSHAKE_TYPE.certificate, certificateMessage(der)),
      this.#write(HANDSHAKE_TYPE.serverKeyExchange, Buffer.concat([parameters, digitallySigned(signature)])),
      this.#write(HANDSHAKE_TYPE.certificateRequest, certificateRequest()),
      this.#write(HANDSHAKE_TYPE.serverHelloDone, Buffer.alloc(0)),
    ]);
  }

  #deriveKeys(secret: Buffer, { random, extendedMasterSecret }: ClientHello): void {
    const randoms = { client: random, server: this.#random };
    this.#masterSecret = deriveMasterSecret(secret, randoms, extendedMasterSecret ? Buffer.concat(this.#transcript) : undefined);
    this.#cipher = recordCipherOf('server', this.#masterSecret, randoms);
    this.#flights.cipher = this.#cipher;
  }

  /** The client's Finished, and ours in answer, end the handshake. What cannot be opened may be forged: it ends nothing. */
  #finished(record: DtlsRecord): void {
    if (this.#messages.next < EXPECTED.length) {
      this.#early = Buffer.from(record.bytes);
      return;
    }
    const message = this.#cipher?.open(record);
    if (message === undefined || message.length < HANDSHAKE_HEADER_BYTES || message[0] !== HANDSHAKE_TYPE.finished) {
      return;
    }
    if (!isFinishedOf('client', message.subarray(HANDSHAKE_HEADER_BYTES), this.#masterSecret!, Buffer.concat(this.#transcript))) {
      throw new MillraceError('rtc/dtls-finished', 'The peer and the server did not see the same handshake.');
    }
    this.#transcript.push(message);
    const finished = verifyData('server', this.#masterSecret!, Buffer.concat(this.#transcript));
    const lastFlight = this.#flights.begin([CHANGE_CIPHER_SPEC, this.#write(HANDSHAKE_TYPE.finished, finished, 1)], { waits: false });
    const keys = srtpKeysOf('server', this.#profile!, this.#masterSecret!, { client: this.#hello!.random, server: this.#random });
    const established = new DtlsEstablished(this.#cipher!, Uint8Array.from(lastFlight), this.#flights.nextProtected);
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
