import { sign } from 'node:crypto';

import type { Millis } from '../../media/time.ts';
import { MillraceError } from '../../runtime/errors.ts';
import { Cookies } from './cookies.ts';
import { CHANGE_CIPHER_SPEC } from './flight-sender.ts';
import type { FlightTimer } from './flight-timer.ts';
import type { DtlsHandshake, DtlsHandshakeOptions } from './handshake.ts';
import { HANDSHAKE_TYPE, writeHandshakeMessage, type HandshakeMessage } from './handshake-messages.ts';
import { HandshakeSide, type HandshakeCourse } from './handshake-side.ts';
import { createKeyShare, type KeyShare } from './key-agreement.ts';
import { certificateMessage, digitallySigned } from './message-bytes.ts';
import { ownKey } from './own-key.ts';
import { announcedCertificate, checkSignature } from './peer-proof.ts';
import { CONTENT_TYPE, readRecords, type DtlsRecord } from './record.ts';
import { certificateRequest, helloVerifyRequest, keyParameters, readClientHello, readClientKeyExchange, serverHello, type ClientHello } from './server-messages.ts';
import { agreedProfile, type NumberedProfile } from './srtp-keys.ts';

/** What a server's handshake needs. */
export type DtlsServerHandshakeOptions = DtlsHandshakeOptions & {
  readonly timer?: FlightTimer;
  /** Sends a request for a cookie, which is shorter than the hello it answers, to the address that the hello came from and no other. */
  readonly ask: (datagram: Uint8Array, origin: string) => void;
  /** The cookie that was sent to `owner` came back, and came from `origin`: the flights that follow may go to the first. */
  readonly proven: (owner: string, origin: string) => void;
};

/** What a client sends, in order: hello, hello with cookie, and its proof. Finished, protected, comes behind. */
const EXPECTED: readonly number[] = [
  HANDSHAKE_TYPE.clientHello,
  HANDSHAKE_TYPE.clientHello,
  HANDSHAKE_TYPE.certificate,
  HANDSHAKE_TYPE.clientKeyExchange,
  HANDSHAKE_TYPE.certificateVerify,
];

/** The server's side of one DTLS 1.2 handshake. The client proves that it is where it says (cookie) and who it says (certificate, Finished). */
export class DtlsServerHandshake implements DtlsHandshake, HandshakeCourse {
  readonly #options: DtlsServerHandshakeOptions;
  readonly #side: HandshakeSide;
  readonly #cookies = new Cookies();
  /** Where the datagram that is being read came from. */
  #origin = '';
  /** Of the first hello. */
  #helloRandom: Buffer | undefined;
  #hello: ClientHello | undefined;
  #profile: NumberedProfile | undefined;
  #share: KeyShare | undefined;
  #certificate: Buffer | undefined;
  /** A Finished that came before what it stands on. */
  #early: Buffer | undefined;

  constructor(options: DtlsServerHandshakeOptions) {
    this.#options = options;
    this.#side = new HandshakeSide('server', options);
  }

  receive(datagram: Buffer, now: Millis, origin: string): void {
    this.#origin = origin;
    this.#side.receive(datagram, now, this);
  }

  moved(): void {
    this.#side.flights.repeat();
  }

  close(): void {
    this.#side.close();
  }

  message({ type, sequence, body, bytes }: HandshakeMessage): void {
    if (type !== EXPECTED[sequence]) {
      throw new MillraceError('rtc/dtls-order', `A handshake message of type ${type} came in place ${sequence}.`);
    }
    if (sequence === 0) {
      this.#helloRandom = readClientHello(body).random;
      this.#ask(this.#helloRandom);
      return;
    }
    if (type === HANDSHAKE_TYPE.certificateVerify) {
      checkSignature(body, this.#certificate!, this.#side.transcript);
    }
    this.#side.remember(bytes);
    switch (type) {
      case HANDSHAKE_TYPE.clientHello:
        this.#greet(readClientHello(body));
        break;
      case HANDSHAKE_TYPE.certificate:
        this.#certificate = announcedCertificate(body, this.#options.fingerprints);
        break;
      case HANDSHAKE_TYPE.clientKeyExchange: {
        const { random, extendedMasterSecret } = this.#hello!;
        this.#side.deriveKeys(this.#share!.agree(readClientKeyExchange(body)), random, extendedMasterSecret);
        break;
      }
      case HANDSHAKE_TYPE.certificateVerify:
        this.#finishEarly();
        break;
    }
  }

  /** The client's Finished, and ours in answer, end the handshake. */
  finished(record: DtlsRecord): void {
    if (this.#side.awaited < EXPECTED.length) {
      this.#early = Buffer.from(record.bytes);
      return;
    }
    const message = this.#side.openFinished(record);
    if (message !== undefined) {
      this.#side.remember(message);
      const lastFlight = this.#side.flights.begin([CHANGE_CIPHER_SPEC, this.#side.finished()], { waits: false });
      this.#side.succeed(this.#profile!, Uint8Array.from(lastFlight));
    }
  }

  missed(): void {
    if (this.#hello === undefined) {
      this.#ask(this.#helloRandom!);
    } else {
      this.#side.flights.repeat();
    }
  }

  /** "The HelloVerifyRequest is not retransmitted by a timer": whoever only pretends to be here gets no more than it sends. */
  #ask(helloRandom: Buffer): void {
    const request = helloVerifyRequest(this.#cookies.give(this.#origin, helloRandom));
    const bytes = writeHandshakeMessage(HANDSHAKE_TYPE.helloVerifyRequest, 0, request);
    this.#options.ask(this.#side.flights.writeLoose({ type: CONTENT_TYPE.handshake, bytes }), this.#origin);
  }

  /** Answers the hello: what was chosen, our certificate and key, and that we want theirs. */
  #greet(hello: ClientHello): void {
    const owner = this.#cookies.ownerOf(hello.cookie, hello.random);
    if (owner === undefined) {
      throw new MillraceError('rtc/dtls-order', 'The peer\'s hello does not carry the cookie that it was given.');
    }
    this.#hello = hello;
    this.#profile = agreedProfile(hello.srtpProfile);
    this.#share = createKeyShare(hello.group);
    this.#options.proven(owner, this.#origin);
    const side = this.#side;
    const { der, key } = ownKey(this.#options.certificate);
    const parameters = keyParameters(hello.group, this.#share.publicKey);
    const signature = sign('sha256', Buffer.concat([hello.random, side.random, parameters]), key);
    side.flights.begin([
      side.write(HANDSHAKE_TYPE.serverHello, serverHello(side.random, hello)),
      side.write(HANDSHAKE_TYPE.certificate, certificateMessage(der)),
      side.write(HANDSHAKE_TYPE.serverKeyExchange, Buffer.concat([parameters, digitallySigned(signature)])),
      side.write(HANDSHAKE_TYPE.certificateRequest, certificateRequest()),
      side.write(HANDSHAKE_TYPE.serverHelloDone, Buffer.alloc(0)),
    ]);
  }

  #finishEarly(): void {
    if (this.#early !== undefined) {
      const [early] = readRecords(this.#early);
      this.#early = undefined;
      this.finished(early!);
    }
  }
}
