import type { Millis } from '../../media/time.ts';
import { CONTENT_TYPE, readRecords } from './record.ts';
import type { RecordCipher } from './record-cipher.ts';

const FATAL = 2;
const CLOSE_NOTIFY = 0;
/** The last flight is sent again at most once in this time: half of a client's first timeout (RFC 6347, 4.2.4.1). */
const REPEAT_MILLIS = 500;

/** What is kept of a handshake: all that a session needs of DTLS while SRTP carries its media. */
export class DtlsEstablished {
  readonly #cipher: RecordCipher;
  /** A server's ChangeCipherSpec and Finished, for a client that lost them; the client's side has nothing more to say. */
  readonly #lastFlight: Uint8Array | undefined;
  #sequence: number;
  #repeatedAt = -Infinity;

  /** `sequence`: the first sequence number of epoch 1 that was not used yet. */
  constructor(cipher: RecordCipher, lastFlight: Uint8Array | undefined, sequence: number) {
    this.#cipher = cipher;
    this.#lastFlight = lastFlight;
    this.#sequence = sequence;
  }

  /** Reads a datagram: whether the peer closed, and what to send to it again. Alerts that nobody protected mean nothing. */
  receive(datagram: Buffer, now: Millis): { readonly closed: boolean; readonly answer: Uint8Array | undefined } {
    let answer: Uint8Array | undefined;
    for (const record of readRecords(datagram)) {
      if (record.type === CONTENT_TYPE.alert && record.epoch === 1) {
        const alert = this.#cipher.open(record);
        if (alert?.length === 2 && (alert[0] === FATAL || alert[1] === CLOSE_NOTIFY)) {
          return { closed: true, answer: undefined };
        }
      } else if (record.type === CONTENT_TYPE.handshake && now - this.#repeatedAt >= REPEAT_MILLIS) {
        this.#repeatedAt = now;
        answer = this.#lastFlight;
      }
    }
    return { closed: false, answer };
  }

  /** A close_notify to send. */
  closeNotify(): Buffer {
    return this.#cipher.seal(CONTENT_TYPE.alert, 1, this.#sequence++, Uint8Array.of(1, CLOSE_NOTIFY));
  }
}
