import { millis, type Millis } from '../media/time.ts';
import { DtlsClientHandshake } from './dtls/client-handshake.ts';
import type { DtlsHandshake, DtlsHandshakeOptions } from './dtls/handshake.ts';
import { DtlsServerHandshake, type DtlsServerHandshakeOptions } from './dtls/server-handshake.ts';

/** What a session's handshake needs. */
export type SessionHandshakeOptions = DtlsHandshakeOptions &
  Pick<DtlsServerHandshakeOptions, 'ask' | 'proven'> & {
    /** The peer waits for our hello. */
    readonly isPeerPassive: boolean;
    readonly now: () => Millis;
    /** Between a flight and its answer went by so much. */
    readonly measured: (rtt: Millis) => void;
  };

/** The handshake of one session, from the side that its peer leaves to us. Made when it is needed: a peer that never comes costs little. */
export class SessionHandshake {
  readonly #options: SessionHandshakeOptions;
  #handshake: DtlsHandshake | undefined;
  #flightAt: Millis | undefined;
  #isOver = false;

  constructor(options: SessionHandshakeOptions) {
    this.#options = {
      ...options,
      send: (datagram) => {
        this.#noteFlight();
        options.send(datagram);
      },
      ask: (datagram, origin) => {
        this.#noteFlight();
        options.ask(datagram, origin);
      },
    };
  }

  /** Says hello to a peer that waits for it. To be called where it has proven to be where that goes; the first call counts. */
  begin(): void {
    if (this.#options.isPeerPassive && this.#handshake === undefined && !this.#isOver) {
      const handshake = new DtlsClientHandshake(this.#options);
      this.#handshake = handshake;
      handshake.start();
    }
  }

  /** Takes a datagram of the peer's. `origin` names the address it came from. */
  receive(datagram: Buffer, now: Millis, origin: string): void {
    if (this.#isOver || (this.#options.isPeerPassive && this.#handshake === undefined)) {
      return;
    }
    this.#handshake ??= new DtlsServerHandshake(this.#options);
    if (this.#flightAt !== undefined) {
      this.#options.measured(millis(now - this.#flightAt));
      this.#flightAt = undefined;
    }
    this.#handshake.receive(datagram, now, origin);
  }

  /** The peer has proven to be at another address. */
  moved(): void {
    this.#handshake?.moved();
  }

  /** Idempotent. */
  close(): void {
    this.#isOver = true;
    this.#handshake?.close();
    this.#handshake = undefined;
  }

  /** A flight that is sent again does not count anew: its answer may be that to the first. */
  #noteFlight(): void {
    this.#flightAt ??= this.#options.now();
  }
}
