import { datagramsOf } from './flight.ts';
import { processTimer, type FlightTimer } from './flight-timer.ts';
import { CONTENT_TYPE, writeRecord } from './record.ts';
import type { RecordCipher } from './record-cipher.ts';

/** What a record of a flight carries: of epoch 1 it is protected. */
export type FlightContent = { readonly type: number; readonly epoch: 0 | 1; readonly bytes: Uint8Array };

/** ChangeCipherSpec, RFC 5246, 7.1. */
export const CHANGE_CIPHER_SPEC: FlightContent = { type: CONTENT_TYPE.changeCipherSpec, epoch: 0, bytes: Uint8Array.of(1) };

/**
 * A flight without an answer is sent again after this, then after twice as long, and so on. RFC 6347, 4.2.4.1 advises one second, and
 * less where delay matters: a server that was not ready yet (ffmpeg 8.0 reads the first hello and forgets it) costs its viewers this much.
 */
const FIRST_REPEAT_MILLIS = 100;
const MAX_REPEAT_MILLIS = 3200;

/** Sends flights, each until the next begins or the handshake is over, RFC 6347, 4.2.4. */
export class FlightSender {
  readonly #send: (datagram: Uint8Array) => void;
  readonly #timer: FlightTimer;
  /** Numbers of the next records: each record has one of its own each time it is sent, as a replay window lets none through twice. */
  readonly #sequences: [number, number] = [0, 0];
  #cipher: RecordCipher | undefined;
  #flight: readonly FlightContent[] = [];
  #left = 0;

  constructor(send: (datagram: Uint8Array) => void, timer: FlightTimer = processTimer()) {
    this.#send = send;
    this.#timer = timer;
  }

  /** What protects records of epoch 1. */
  set cipher(cipher: RecordCipher) {
    this.#cipher = cipher;
  }

  /** The number of epoch 1 that comes next. */
  get nextProtected(): number {
    return this.#sequences[1];
  }

  /** Sends a new flight. It is sent `times` in all at most, and `waits` for its answer unless told otherwise. @returns its bytes. */
  begin(flight: readonly FlightContent[], { times = Infinity, waits = true }: { readonly times?: number; readonly waits?: boolean } = {}): Buffer {
    this.#flight = flight;
    this.#left = times;
    this.#timer.clear();
    if (waits) {
      this.#repeatAfter(FIRST_REPEAT_MILLIS);
    }
    return this.repeat();
  }

  /** Writes a record that is sent once, and is no flight's. Of epoch 0. */
  writeLoose({ type, bytes }: Pick<FlightContent, 'type' | 'bytes'>): Buffer {
    return writeRecord(type, 0, this.#sequences[0]++, bytes);
  }

  /** Sends the flight again. @returns its bytes; none where it was sent often enough. */
  repeat(): Buffer {
    if (this.#left <= 0) {
      return Buffer.alloc(0);
    }
    this.#left -= 1;
    const records = this.#flight.map(({ type, epoch, bytes }) => {
      const sequence = this.#sequences[epoch]++;
      return epoch === 0 ? writeRecord(type, epoch, sequence, bytes) : this.#cipher!.seal(type, epoch, sequence, bytes);
    });
    datagramsOf(records).forEach((datagram) => this.#send(datagram));
    return Buffer.concat(records);
  }

  /** Sends nothing more. */
  close(): void {
    this.#timer.clear();
    this.#flight = [];
    this.#left = 0;
  }

  #repeatAfter(milliseconds: number): void {
    this.#timer.set(() => {
      this.repeat();
      this.#repeatAfter(Math.min(2 * milliseconds, MAX_REPEAT_MILLIS));
    }, milliseconds);
  }
}
