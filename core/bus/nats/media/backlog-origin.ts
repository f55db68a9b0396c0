import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';

import { compareFrames } from '../../../media/frame.ts';
import type { Millis } from '../../../media/time.ts';
import type { Logger } from '../../../runtime/log.ts';
import type { LocalTrack, RetainedGroup } from '../../local/track.ts';
import { BacklogAnswer } from './backlog-answer.ts';
import { readWant, type BacklogWant } from './backlog.ts';
import { guarded } from './guarded.ts';
import type { Inbox } from './inbox.ts';
import { MAX_FRAME_BYTES, type NumberedFrame } from './message.ts';
import type { Outlet } from './outlet.ts';

/** Answers of a track at a time. Each holds on to no more than what the track kept when it was asked. */
const MAX_ANSWERS = 256;
/** Who has not written for so long may have been taken over from. */
const FRESH = 1_000 as Millis;

/** What a {@link BacklogOrigin} builds on. */
export type BacklogOriginDeps = {
  readonly connection: NatsConnection;
  readonly log: Logger;
  /** Where requests come. */
  readonly subject: string;
  readonly run: number;
  readonly local: LocalTrack;
  readonly inbox: Inbox;
  readonly outlet: Outlet;
};

/** Answers readers elsewhere who ask for what this process wrote to a track before. */
export class BacklogOrigin {
  readonly #deps: BacklogOriginDeps;
  readonly #answers = new Set<BacklogAnswer>();
  #subscription: Subscription | undefined;
  /** By the monotonic clock. */
  #writtenAt: number | undefined;

  constructor(deps: BacklogOriginDeps) {
    this.#deps = deps;
  }

  /** True while this process writes to the track. */
  get isFresh(): boolean {
    return this.#writtenAt !== undefined && performance.now() - this.#writtenAt < FRESH;
  }

  /** A frame was written here. */
  written(): void {
    this.#writtenAt = performance.now();
    this.#subscription ??= this.#deps.connection.subscribe(this.#deps.subject, {
      callback: guarded(this.#deps.log, (message) => this.#answer(message)),
    });
  }

  /** Nobody here writes any more: who does is to be preferred. */
  released(): void {
    this.#writtenAt = undefined;
  }

  /** Readers that were being answered ask again. */
  disconnected(): void {
    [...this.#answers].forEach((answer) => answer.close());
  }

  close(): void {
    this.disconnected();
    if (!this.#deps.connection.isClosed()) {
      this.#subscription?.unsubscribe();
    }
    this.#subscription = undefined;
  }

  #answer(message: Msg): void {
    const want = readWant(message.string());
    const newest = this.#own().at(-1)?.frames.at(-1);
    if (want === undefined || newest === undefined || message.reply === undefined || message.reply === '' || this.#answers.size >= MAX_ANSWERS) {
      return;
    }
    const { run, local, inbox, outlet } = this.#deps;
    const frames = this.#framesOf(want);
    const { epoch, group, index, fence } = newest;
    const answer = new BacklogAnswer({
      run,
      to: message.reply,
      offer: { fence, frames: frames.length, last: { epoch, group, index }, isFresh: this.isFresh },
      frames,
      next: local.here.written,
      inbox,
      outlet,
      closed: () => this.#answers.delete(answer),
    });
    this.#answers.add(answer);
    answer.start();
  }

  #framesOf(want: BacklogWant): readonly NumberedFrame[] {
    const groups = this.#own();
    const newest = groups.at(-1)?.start ?? 0;
    switch (want.want) {
      case 'none':
        return [];
      case 'newest':
        return groups.slice(-1).flatMap((group) => this.#numbered(group));
      case 'span':
        return groups.filter(({ start }) => newest - start <= want.span).flatMap((group) => this.#numbered(group));
      case 'after':
        return groups
          .filter((group) => (group.epoch - want.place.epoch || group.group - want.place.group) >= 0)
          .flatMap((group) => this.#numbered(group))
          .filter(({ frame }) => compareFrames(frame, want.place) > 0);
      case 'before':
        return groups
          .filter((group) => newest - group.start <= want.span && (group.epoch - want.place.epoch || group.group - want.place.group) < 0)
          .flatMap((group) => this.#numbered(group));
    }
  }

  #own(): readonly RetainedGroup[] {
    return this.#deps.local.groups.filter(({ origin }) => origin === this.#deps.local.here);
  }

  #numbered({ number, frames }: RetainedGroup): readonly NumberedFrame[] {
    const numbered = frames.map((frame, at) => ({ run: this.#deps.run, number: number + at, isAfterDrop: false, frame }));
    return numbered.filter(({ frame }) => frame.data.byteLength <= MAX_FRAME_BYTES);
  }
}
