import type { Socket } from 'node:net';

import type { Millis } from '#core/media/time.ts';
import { millis } from '#core/media/time.ts';

import { RtmpSession, type SessionOptions } from './session.ts';

/** Answers that may wait for a peer that does not read them; a session needs about a kilobyte in all. */
const MAX_UNSENT_BYTES = 65_536;
/** Time in which a peer may take the last status before its socket is destroyed. */
const LINGER_MILLIS = 2000;

/** Joins a session to its socket. */
export class RtmpConnection {
  readonly session: RtmpSession;
  readonly #socket: Socket;
  #ending = false;
  #lingered = millis(0);

  /** Takes over a connected socket. */
  constructor(socket: Socket, options: Omit<SessionOptions, 'wire'>) {
    this.#socket = socket;
    socket.setNoDelay(true);
    this.session = new RtmpSession({
      ...options,
      wire: { write: (bytes) => this.#write(bytes), hold: (held) => this.#hold(held), end: () => this.#end() },
    });
    socket.on('data', (bytes: Buffer) => this.session.receive(bytes));
    // The peer says no more: what it published is over although our half is still open.
    socket.on('end', () => this.session.close());
    // What was wrong with a socket is of no use to anybody: 'close' follows.
    socket.on('error', () => this.session.close());
    socket.on('close', () => this.session.close());
  }

  /** Counts time towards the time-outs. */
  tick(passed: Millis): void {
    this.session.tick(passed);
    if (this.#ending) {
      this.#lingered = millis(this.#lingered + passed);
      if (this.#lingered > LINGER_MILLIS) {
        this.#socket.destroy();
      }
    }
  }

  /** Lets go of the socket at once. Idempotent. */
  destroy(): void {
    this.session.close();
    this.#socket.destroy();
  }

  #write(bytes: Uint8Array): void {
    if (this.#socket.writable) {
      this.#socket.write(bytes);
    }
    if (this.#socket.writableLength > MAX_UNSENT_BYTES) {
      this.#socket.destroy();
    }
  }

  #hold(held: boolean): void {
    if (held) {
      this.#socket.pause();
    } else {
      this.#socket.resume();
    }
  }

  /**
   * Sends what is written, then FIN. What still comes is read and dropped: a socket closed with unread data sends a reset,
   * which can overtake the status that says why.
   */
  #end(): void {
    this.#ending = true;
    this.#socket.end();
    this.#socket.resume();
  }
}
