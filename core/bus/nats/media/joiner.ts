import { MAX_FRAME_BYTES, type Message } from './message.ts';

/** A record's meta comes on top of its data: configurations and messages of a few kilobytes. */
const MAX_JOINED_BYTES = MAX_FRAME_BYTES + 1024 * 1024;
/** Writers whose pieces are joined at a time: a writer and who takes over from it. */
const MAX_JOINS = 2;

type Join = { readonly run: number; readonly number: number; readonly pieces: number; readonly parts: Uint8Array[]; bytes: number; isIdle: boolean };

/**
 * Joins the pieces of frames that were larger than a message may be. Pieces of one writer come in order, so anything else is damage: what was
 * begun is dropped, and the frame's missing number tells the reader.
 */
export class Joiner {
  /** In the order in which they were begun. */
  #joins: Join[] = [];
  readonly #onDamage: () => void;

  constructor(onDamage: () => void) {
    this.#onDamage = onDamage;
  }

  /** Bytes waiting for the rest of their frames. */
  get bytes(): number {
    return this.#joins.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Gives the whole record with its last piece. */
  push(message: Message): Uint8Array | undefined {
    const { run, number, piece, pieces, payload } = message;
    const begun = this.#joins.find((join) => join.run === run);
    const goesOn = begun !== undefined && begun.number === number && begun.pieces === pieces && begun.parts.length === piece;
    if (begun !== undefined && !goesOn) {
      this.#drop(begun);
    }
    if (pieces === 1) {
      return payload;
    }
    const join = goesOn ? begun : this.#begin(message);
    if (join === undefined) {
      return undefined;
    }
    join.parts.push(payload);
    join.bytes += payload.byteLength;
    join.isIdle = false;
    if (join.bytes > MAX_JOINED_BYTES) {
      this.#drop(join);
      return undefined;
    }
    if (piece + 1 < pieces) {
      return undefined;
    }
    this.#joins = this.#joins.filter((one) => one !== join);
    return concat(join);
  }

  /** Drops what got no piece since this was called last. To be called about once a second. */
  sweep(): void {
    for (const join of this.#joins) {
      if (join.isIdle) {
        this.#drop(join);
      }
      join.isIdle = true;
    }
  }

  /** Drops what is not whole: nobody will send the rest. */
  clear(): void {
    this.#joins = [];
  }

  #begin({ run, number, piece, pieces }: Message): Join | undefined {
    if (piece !== 0) {
      // Its first piece was lost or dropped with damage that is counted.
      return undefined;
    }
    const oldest = this.#joins[0];
    if (oldest !== undefined && this.#joins.length >= MAX_JOINS) {
      this.#drop(oldest);
    }
    const join: Join = { run, number, pieces, parts: [], bytes: 0, isIdle: false };
    this.#joins.push(join);
    return join;
  }

  #drop(join: Join): void {
    this.#joins = this.#joins.filter((one) => one !== join);
    this.#onDamage();
  }
}

function concat({ parts, bytes }: Join): Uint8Array {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}
