import { type Millis } from '../../../media/time.ts';
import { readGrant, ANSWER_WINDOW_BYTES, type BacklogOffer } from './backlog.ts';
import type { Inbox } from './inbox.ts';
import { writeFrame, writeMessage, type NumberedFrame } from './message.ts';
import type { Outlet, Source } from './outlet.ts';

/** A reader that grants nothing for so long is gone. */
const SILENCE = 5_000 as Millis;

/** What an answer is made of. */
export type AnswerOptions = {
  readonly run: number;
  readonly to: string;
  readonly offer: BacklogOffer;
  readonly frames: readonly NumberedFrame[];
  /** The number of the frame that will be written next. */
  readonly next: number;
  readonly inbox: Inbox;
  readonly outlet: Outlet;
  readonly closed: () => void;
};

/** One answer of a track's origin: an offer, the frames as the reader grants them, the end. */
export class BacklogAnswer implements Source {
  readonly subject: string;
  readonly #options: AnswerOptions;
  readonly #grants: ReturnType<Inbox['open']>;
  #granted = ANSWER_WINDOW_BYTES;
  #frame = 0;
  #pieces: readonly Uint8Array[] = [];
  #piece = 0;
  #isOffered = false;
  #isOver = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: AnswerOptions) {
    this.#options = options;
    this.subject = options.to;
    this.#grants = options.inbox.open((message) => this.#grant(message.string()));
  }

  /** Sends what may be sent now; all of it in this turn where it is little. */
  start(): void {
    this.#watch();
    this.#options.outlet.ready(this, 'backlog');
  }

  /** Where the reader sends its grants: told with the offer. */
  get reply(): string | undefined {
    return this.#isOffered ? undefined : this.#grants.subject;
  }

  next(): Uint8Array | undefined {
    const { run, offer, next } = this.#options;
    const message = { run, number: next, isAfterDrop: false, piece: 0, pieces: 1 };
    if (this.#isOver) {
      return undefined;
    }
    if (!this.#isOffered) {
      this.#isOffered = true;
      return writeMessage({ ...message, kind: 'offer', payload: new TextEncoder().encode(JSON.stringify(offer)) });
    }
    if (this.#granted <= 0) {
      return undefined;
    }
    const piece = this.#nextPiece();
    if (piece === undefined) {
      this.close();
      return writeMessage({ ...message, kind: 'end', payload: new Uint8Array() });
    }
    this.#granted -= piece.byteLength;
    return piece;
  }

  /** Sends no more. Idempotent. */
  close(): void {
    if (this.#isOver) {
      return;
    }
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#grants.close();
    this.#options.outlet.withdraw(this);
    this.#options.closed();
  }

  #nextPiece(): Uint8Array | undefined {
    if (this.#piece === this.#pieces.length) {
      const frame = this.#options.frames[this.#frame];
      if (frame === undefined) {
        return undefined;
      }
      this.#frame += 1;
      this.#pieces = writeFrame(frame, this.#options.outlet.maxPayload);
      this.#piece = 0;
    }
    const piece = this.#pieces[this.#piece];
    this.#piece += 1;
    return piece;
  }

  #grant(text: string): void {
    const grant = readGrant(text)?.grant ?? 0;
    if (grant === 0) {
      this.close();
      return;
    }
    this.#granted = Math.min(this.#granted + grant, ANSWER_WINDOW_BYTES);
    this.#watch();
    this.#options.outlet.ready(this, 'backlog');
  }

  #watch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.close(), SILENCE);
    this.#timer.unref();
  }
}
