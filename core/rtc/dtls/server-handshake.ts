import type { Millis } from '../../media/time.ts';
import { MillraceError } from '../../runtime/errors.ts';
import { DtlsServer, type DtlsTransport } from '../werift.ts';
import { signatureHash } from './certificate.ts';
import { DtlsEstablished } from './established.ts';
import { datagramsOf, failureAlert, REPEAT_MILLIS } from './flight.ts';
import type { DtlsHandshake, DtlsHandshakeOptions } from './handshake.ts';
import { HANDSHAKE_HEADER_BYTES, HANDSHAKE_TYPE, HandshakeMessages, type HandshakeMessage } from './handshake-messages.ts';
import { announcedCertificate, checkSignature, isFinishedOf } from './peer-proof.ts';
import { CONTENT_TYPE, readRecords, writeRecord, type DtlsRecord } from './record.ts';
import { RecordCipher } from './record-cipher.ts';
import { agreedProfile, SRTP_KEY_BYTES, SRTP_PROFILES, type SrtpKeys } from './srtp-keys.ts';

/** What a client sends, in order: hello, hello with cookie, and its proof. Finished, protected, comes behind. */
const EXPECTED: readonly number[] = [
  HANDSHAKE_TYPE.clientHello,
  HANDSHAKE_TYPE.clientHello,
  HANDSHAKE_TYPE.certificate,
  HANDSHAKE_TYPE.clientKeyExchange,
  HANDSHAKE_TYPE.certificateVerify,
];

/** A flight number of werift's behind which its timers send nothing more. */
const NO_MORE_FLIGHTS = 99;

/**
 * The server's side of one DTLS 1.2 handshake: werift's server behind a gate that puts the peer's messages in order, gives it
 * each once, and demands the proofs that it does not: the announced certificate, the signature of its key, and Finished.
 */
export class DtlsServerHandshake implements DtlsHandshake {
  readonly #options: DtlsHandshakeOptions;
  readonly #server: DtlsServer;
  readonly #messages = new HandshakeMessages();
  #certificate: Buffer | undefined;
  #cipher: RecordCipher | undefined;
  /** A Finished that came before what it stands on. */
  #early: Buffer | undefined;
  #outgoing: Buffer[] = [];
  #flight: Buffer[] = [];
  #flightAt = -Infinity;
  #isOver = false;

  constructor(options: DtlsHandshakeOptions) {
    this.#options = options;
    const { certPem: cert, keyPem: key } = options.certificate;
    this.#server = new DtlsServer({
      transport: this.#transport(),
      srtpProfiles: SRTP_PROFILES.map(({ number }) => number),
      cert,
      key,
      signatureHash,
      certificateRequest: true,
      extendedMasterSecret: true,
    });
    this.#server.onError.subscribe((error) => this.#fail(error));
    this.#server.onConnect.subscribe(() => this.#finish());
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
    this.#outgoing = [];
    this.#flight = [];
    this.#server.dtls.flight = NO_MORE_FLIGHTS;
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
      this.#flight = [];
      this.#flightAt = now;
      this.#message(message);
    }
    if (repeated && messages.length === 0 && now - this.#flightAt >= REPEAT_MILLIS) {
      this.#flightAt = now;
      this.#outgoing = [...this.#flight];
      this.#flush();
    }
    if (this.#early !== undefined && this.#messages.next === EXPECTED.length) {
      const [early] = readRecords(this.#early);
      this.#early = undefined;
      this.#finished(early!);
    }
  }

  #message(message: HandshakeMessage): void {
    if (message.type !== EXPECTED[message.sequence]) {
      throw new MillraceError('rtc/dtls-order', `A handshake message of type ${message.type} came in place ${message.sequence}.`);
    }
    switch (message.type) {
      case HANDSHAKE_TYPE.certificate:
        this.#certificate = announcedCertificate(message.body, this.#options.fingerprints);
        break;
      case HANDSHAKE_TYPE.certificateVerify:
        checkSignature(message.body, this.#certificate!, this.#transcript());
        break;
    }
    this.#server.transport.socket.onData(writeRecord(CONTENT_TYPE.handshake, 0, message.sequence, message.bytes), ['', 0]);
    if (message.type === HANDSHAKE_TYPE.clientKeyExchange) {
      this.#cipher = this.#recordCipher();
    }
  }

  /** "It is imperative that the Finished messages be verified": werift is shown it only then. */
  #finished(record: DtlsRecord): void {
    if (this.#messages.next < EXPECTED.length) {
      this.#early = Buffer.from(record.bytes);
      return;
    }
    const message = this.#cipher?.open(record);
    // What cannot be opened may be forged: it ends nothing.
    if (message === undefined || message.length < HANDSHAKE_HEADER_BYTES || message[0] !== HANDSHAKE_TYPE.finished) {
      return;
    }
    if (!isFinishedOf('client', message.subarray(HANDSHAKE_HEADER_BYTES), this.#server.cipher.masterSecret, this.#transcript())) {
      throw new MillraceError('rtc/dtls-finished', 'The peer and the server did not see the same handshake.');
    }
    this.#server.transport.socket.onData(record.bytes, ['', 0]);
  }

  #finish(): void {
    if (this.#isOver) {
      return;
    }
    this.#flush();
    try {
      const keys = this.#srtpKeys();
      const lastFlight = Uint8Array.from(Buffer.concat(this.#flight));
      const last = readRecords(Buffer.from(lastFlight)).findLast(({ epoch }) => epoch === 1);
      const established = new DtlsEstablished(this.#cipher!, lastFlight, (last?.sequence ?? 0) + 1);
      this.close();
      this.#options.done(keys, established);
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (!this.#isOver) {
      this.#options.send(failureAlert(error));
      this.close();
      this.#options.failed(error);
    }
  }

  #srtpKeys(): SrtpKeys {
    const profile = agreedProfile(this.#server.srtp.srtpProfile);
    const { localKey, localSalt, remoteKey, remoteSalt } = this.#server.extractSessionKeys(SRTP_KEY_BYTES, profile.saltBytes);
    // Copies: a view would keep the whole buffer that it was cut from for as long as the session lives.
    return { profile: profile.name, localKey: Uint8Array.from(localKey), localSalt: Uint8Array.from(localSalt), remoteKey: Uint8Array.from(remoteKey), remoteSalt: Uint8Array.from(remoteSalt) };
  }

  #recordCipher(): RecordCipher | undefined {
    const { clientWriteKey, clientNonce, serverWriteKey, serverNonce } = this.#server.cipher.cipher ?? {};
    if (clientWriteKey === undefined || clientNonce === undefined || serverWriteKey === undefined || serverNonce === undefined) {
      return undefined;
    }
    return new RecordCipher(
      { key: Uint8Array.from(serverWriteKey), salt: Uint8Array.from(serverNonce.subarray(0, 4)) },
      { key: Uint8Array.from(clientWriteKey), salt: Uint8Array.from(clientNonce.subarray(0, 4)) },
    );
  }

  /** All messages so far, both sides', from the hello with the cookie on. */
  #transcript(): Buffer {
    return Buffer.concat(this.#server.dtls.sortedHandshakeCache.map((message) => message.serialize()));
  }

  /** What werift takes for a socket: it gathers a flight's records so that they leave in few datagrams. */
  #transport(): DtlsTransport {
    return {
      type: 'udp',
      address: { address: '', family: 'IPv4', port: 0 },
      closed: false,
      onData: () => {},
      send: (record) => {
        if (!this.#isOver) {
          if (this.#outgoing.length === 0) {
            queueMicrotask(() => this.#flush());
          }
          this.#outgoing.push(record);
        }
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
    };
  }

  #flush(): void {
    const records = this.#outgoing;
    this.#outgoing = [];
    this.#flight.push(...records.filter((record) => !this.#flight.includes(record)));
    datagramsOf(records).forEach((datagram) => this.#options.send(datagram));
  }
}
