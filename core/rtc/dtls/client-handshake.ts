import { sign } from 'node:crypto';

import type { Millis } from '../../media/time.ts';
import { MillraceError } from '../../runtime/errors.ts';
import { clientHello, clientKeyExchange, readCookie, readServerHello, readServerKeyExchange, type ServerHello } from './client-messages.ts';
import { CHANGE_CIPHER_SPEC, type FlightContent } from './flight-sender.ts';
import type { FlightTimer } from './flight-timer.ts';
import type { DtlsHandshake, DtlsHandshakeOptions } from './handshake.ts';
import { HANDSHAKE_TYPE, type HandshakeMessage } from './handshake-messages.ts';
import { HandshakeSide, type HandshakeCourse } from './handshake-side.ts';
import { createKeyShare } from './key-agreement.ts';
import { certificateMessage, digitallySigned } from './message-bytes.ts';
import { ownKey } from './own-key.ts';
import { announcedCertificate, checkSignature } from './peer-proof.ts';
import type { DtlsRecord } from './record.ts';
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
export class DtlsClientHandshake implements DtlsHandshake, HandshakeCourse {
  readonly #options: DtlsClientHandshakeOptions;
  readonly #side: HandshakeSide;
  #last: number | undefined;
  #hello: ServerHello | undefined;
  #profile: NumberedProfile | undefined;
  #certificate: Buffer | undefined;
  #agreement: { readonly publicKey: Buffer; readonly secret: Buffer } | undefined;
  #isCertificateWanted = false;

  constructor(options: DtlsClientHandshakeOptions) {
    this.#options = options;
    this.#side = new HandshakeSide('client', options);
  }

  /** Sends the first hello. Once, when the peer has proven to be where it goes. */
  start(): void {
    this.#greet(Buffer.alloc(0));
  }

  receive(datagram: Buffer, now: Millis): void {
    this.#side.receive(datagram, now, this);
  }

  moved(): void {
    this.#side.flights.repeat();
  }

  close(): void {
    this.#side.close();
  }

  message({ type, sequence, body, bytes }: HandshakeMessage): void {
    if (FOLLOWERS.get(this.#last)?.includes(type) !== true) {
      throw new MillraceError('rtc/dtls-order', `A handshake message of type ${type} came in place ${sequence}.`);
    }
    this.#last = type;
    if (type === HANDSHAKE_TYPE.helloVerifyRequest) {
      // Neither the first hello nor this request are part of what is finished, RFC 6347, 4.2.1.
      this.#side.forget();
      this.#greet(readCookie(body));
      return;
    }
    this.#side.remember(bytes);
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
        this.#prove();
        break;
    }
  }

  /** The server's Finished ends the handshake. */
  finished(record: DtlsRecord): void {
    if (this.#side.openFinished(record) !== undefined) {
      this.#side.succeed(this.#profile!);
    }
  }

  missed(): void {
    this.#side.flights.repeat();
  }

  /** Sends a hello and begins to wait for its answer. */
  #greet(cookie: Buffer): void {
    this.#side.flights.begin([this.#side.write(HANDSHAKE_TYPE.clientHello, clientHello(this.#side.random, cookie))], { times: MAX_HELLOS });
  }

  /** Whoever signed this holds the certificate's key, here and now: it covers our random. */
  #keyExchange(body: Buffer, { random, keyType }: ServerHello): { readonly publicKey: Buffer; readonly secret: Buffer } {
    const { group, publicKey, parameters, signature } = readServerKeyExchange(body);
    checkSignature(signature, this.#certificate!, Buffer.concat([this.#side.random, random, parameters]), keyType);
    const share = createKeyShare(group);
    return { publicKey: share.publicKey, secret: share.agree(publicKey) };
  }

  /** Sends our key, the proof of our certificate where it is wanted, and Finished. */
  #prove(): void {
    const side = this.#side;
    const { publicKey, secret } = this.#agreement!;
    const { random, extendedMasterSecret } = this.#hello!;
    const { der, key } = ownKey(this.#options.certificate);
    const flight: FlightContent[] = [];
    if (this.#isCertificateWanted) {
      flight.push(side.write(HANDSHAKE_TYPE.certificate, certificateMessage(der)));
    }
    flight.push(side.write(HANDSHAKE_TYPE.clientKeyExchange, clientKeyExchange(publicKey)));
    side.deriveKeys(secret, random, extendedMasterSecret);
    if (this.#isCertificateWanted) {
      flight.push(side.write(HANDSHAKE_TYPE.certificateVerify, digitallySigned(sign('sha256', side.transcript, key))));
    }
    side.flights.begin([...flight, CHANGE_CIPHER_SPEC, side.finished()]);
  }
}
