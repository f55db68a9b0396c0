import type { Msg } from '@nats-io/transport-node';

import type { BroadcastId } from '../../../media/frame.ts';
import type { Millis } from '../../../media/time.ts';
import type { TrackName } from '../../../media/track.ts';
import { ANSWER_WINDOW_BYTES, readOffer, type BacklogOffer, type BacklogWant } from './backlog.ts';
import type { BacklogOutcome, MediaCounters } from './counters.ts';
import { FrameAssembler } from './frame-assembler.ts';
import type { Inbox } from './inbox.ts';
import { HEADER_BYTES, readMessage, type Message, type NumberedFrame } from './message.ts';
import type { Outlet } from './outlet.ts';

/** Nothing came for so long: who answered is gone, or the way to it. */
const SILENCE = 2_000 as Millis;
/** An answer of somebody who does not write now waits so long for a better one. */
const BETTER_ANSWER = 100 as Millis;
/** Those who answer: a writer, and those whom it took over from. */
const MAX_ANSWERS = 4;

/** What a {@link BacklogFetch} builds on. */
export type BacklogFetchOptions = {
  readonly broadcast: BroadcastId;
  readonly track: TrackName;
  /** Where the track's origin listens. */
  readonly subject: string;
  readonly want: BacklogWant;
  readonly inbox: Inbox;
  readonly outlet: Outlet;
  readonly counters: MediaCounters;
  /** Answers of lower fences are turned down. */
  readonly fence: () => number;
  /** Whose answer is taken; once more where one of a higher fence comes later. */
  readonly chosen: (offer: BacklogOffer) => void;
  readonly frame: (frame: NumberedFrame) => void;
  /** `next`: the number of the first frame that was not asked for, of the run that answered. */
  readonly done: (outcome: BacklogOutcome, next?: { readonly run: number; readonly number: number }) => void;
};

type Answer = { readonly run: number; readonly offer: BacklogOffer; readonly grants: string; readonly assembler: FrameAssembler; waiting: NumberedFrame[]; waitingBytes: number; read: number; next?: number };

/** Asks a track's origin for frames that were written before, and takes one answer. Several may come: the higher fence wins. */
export class BacklogFetch {
  readonly #options: BacklogFetchOptions;
  readonly #answers = new Map<number, Answer>();
  readonly #conversation: ReturnType<Inbox['open']>;
  #chosen: Answer | undefined;
  #isOver = false;
  #timer: NodeJS.Timeout | undefined;
  #betterAnswer: NodeJS.Timeout | undefined;

  constructor(options: BacklogFetchOptions) {
    this.#options = options;
    this.#conversation = options.inbox.open((message) => this.#receive(message));
    this.#watch();
    options.outlet.send(options.subject, JSON.stringify(options.want), this.#conversation.subject);
  }

  /** Gives up; nothing is called back any more. Idempotent. */
  close(): void {
    if (!this.#isOver) {
      this.#answers.forEach(({ grants }) => this.#options.outlet.send(grants, '{"grant":0}'));
      this.#settle();
    }
  }

  #receive(message: Msg): void {
    if (this.#isOver) {
      return;
    }
    if (message.data.byteLength === 0 && message.headers?.code === 503) {
      this.#end('nobody');
      return;
    }
    const read = readMessage(message.data);
    if (read === undefined) {
      this.#options.counters.damaged += 1;
      return;
    }
    this.#watch();
    const answer = this.#answers.get(read.run);
    if (read.kind === 'offer') {
      this.#offered(read, message);
    } else if (answer !== undefined && read.kind === 'frame') {
      this.#piece(answer, read);
    } else if (answer !== undefined) {
      answer.next = read.number;
      this.#endWhenWhole();
    }
  }

  #offered({ run, payload }: Message, message: Msg): void {
    const offer = readOffer(new TextDecoder().decode(payload));
    if (offer === undefined || message.reply === undefined || message.reply === '') {
      this.#options.counters.damaged += 1;
      return;
    }
    if (this.#answers.has(run) || this.#answers.size >= MAX_ANSWERS || offer.fence < this.#options.fence()) {
      this.#options.outlet.send(message.reply, '{"grant":0}');
      return;
    }
    const answer: Answer = { run, offer, grants: message.reply, assembler: new FrameAssembler({ ...this.#options, damaged: () => (this.#options.counters.damaged += 1) }), waiting: [], waitingBytes: 0, read: 0 };
    this.#answers.set(run, answer);
    if (this.#chosen !== undefined ? offer.fence > this.#chosen.offer.fence : offer.isFresh) {
      this.#choose(answer);
    } else if (this.#chosen === undefined) {
      this.#betterAnswer ??= setTimeout(() => this.#chooseBest(), BETTER_ANSWER);
    }
  }

  #chooseBest(): void {
    const best = [...this.#answers.values()].sort((a, b) => b.offer.fence - a.offer.fence)[0];
    if (this.#chosen === undefined && best !== undefined) {
      this.#choose(best);
    }
  }

  #choose(answer: Answer): void {
    clearTimeout(this.#betterAnswer);
    this.#chosen = answer;
    for (const other of this.#answers.values()) {
      if (other.offer.fence < answer.offer.fence) {
        this.#options.outlet.send(other.grants, '{"grant":0}');
        other.waiting = [];
      }
    }
    this.#options.chosen(answer.offer);
    const { waiting } = answer;
    answer.waiting = [];
    for (const frame of waiting) {
      if (!this.#isOver) {
        this.#options.frame(frame);
      }
    }
    if (!this.#isOver) {
      this.#grant(answer);
      this.#endWhenWhole();
    }
  }

  #piece(answer: Answer, message: Message): void {
    answer.read += HEADER_BYTES + message.payload.byteLength;
    const frame = answer.assembler.push(message);
    this.#options.counters.in.frames += frame === undefined ? 0 : 1;
    if (frame !== undefined && this.#chosen === answer) {
      this.#options.frame(frame);
    } else if (frame !== undefined) {
      this.#keep(answer, frame);
    }
    if (this.#chosen === answer && !this.#isOver) {
      this.#grant(answer);
    }
  }

  /** Holds a frame of an answer that was not chosen yet; it is granted no more until it is. */
  #keep(answer: Answer, frame: NumberedFrame): void {
    answer.waitingBytes += frame.frame.data.byteLength;
    if (this.#chosen === undefined && answer.waitingBytes <= 2 * ANSWER_WINDOW_BYTES) {
      answer.waiting.push(frame);
    }
  }

  #grant(answer: Answer): void {
    if (answer.read * 4 >= ANSWER_WINDOW_BYTES) {
      this.#options.outlet.send(answer.grants, JSON.stringify({ grant: Math.min(answer.read, ANSWER_WINDOW_BYTES) }));
      answer.read = 0;
    }
  }

  #endWhenWhole(): void {
    if (this.#chosen?.next !== undefined && !this.#isOver) {
      this.#end('whole', { run: this.#chosen.run, number: this.#chosen.next });
    }
  }

  #end(outcome: BacklogOutcome, next?: { readonly run: number; readonly number: number }): void {
    this.#settle();
    this.#options.counters.backlog[outcome] += 1;
    this.#options.done(outcome, next);
  }

  #settle(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#betterAnswer);
    this.#conversation.close();
  }

  #watch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#end('failed'), SILENCE);
    this.#timer.unref();
  }
}
