import type { NatsConnection } from '@nats-io/transport-node';

import { compareFrames, type BroadcastId } from '../../../media/frame.ts';
import type { Millis } from '../../../media/time.ts';
import type { TrackName } from '../../../media/track.ts';
import type { Logger } from '../../../runtime/log.ts';
import type { ConsumeOptions } from '../../bus.ts';
import { LocalConsumer } from '../../local/consumer.ts';
import type { LocalTrack } from '../../local/track.ts';
import { BacklogFetch } from './backlog-fetch.ts';
import { needOf, type RequestKind } from './backlog-need.ts';
import type { BacklogOffer, BacklogWant } from './backlog.ts';
import type { BacklogOutcome, MediaCounters } from './counters.ts';
import { FrameInlet } from './frame-inlet.ts';
import { HeldFrames } from './held-frames.ts';
import type { Inbox } from './inbox.ts';
import { Intake } from './intake.ts';
import type { NumberedFrame } from './message.ts';
import type { Outlet } from './outlet.ts';

/** An ended broadcast's next frame is waited for no longer, whatever NATS does. */
const LAST_FRAMES = 5_000 as Millis;
/** A question may come before the origin is known across servers: it is asked again so often, while nothing of the track is here, so much later each time. */
const MAX_BLIND_ENTRIES = 3;
const ASK_AGAIN = 500 as Millis;
/** How often a track that nobody answered for is asked for again when frames of it come that nobody can begin with. */
const MAX_LATE_ENTRIES = 3;

/** What a {@link TrackReader} builds on. */
export type TrackReaderDeps = {
  readonly broadcast: BroadcastId;
  readonly track: TrackName;
  readonly subjects: { readonly frames: string; readonly backlog: string };
  /** Connections over which the same frames come. */
  readonly lines: readonly NatsConnection[];
  readonly log: Logger;
  readonly local: LocalTrack;
  readonly run: number;
  readonly inbox: Inbox;
  readonly outlet: Outlet;
  readonly counters: MediaCounters;
  /** True while this process writes to the track itself: what is here is all there is. */
  readonly isWrittenHere: () => boolean;
  /** The last consumer has left. */
  readonly left: () => void;
};

type Waiting = { readonly consumer: LocalConsumer; readonly backlog: NonNullable<ConsumeOptions['backlog']>; isAsked: boolean };

/** What is being asked for. `isLast`: the broadcast is over, so nothing comes after it. */
type Request = { readonly kind: RequestKind; readonly fetch: BacklogFetch; readonly older: NumberedFrame[]; readonly isLast: boolean; offer?: BacklogOffer };

/**
 * The consumers of a track in this process, and the frames of other processes for them: subscribes when the first comes, then asks the track's origin for
 * the backlog, and lets go when the last has left. What comes meanwhile is held, and joined by its place.
 */
export class TrackReader {
  readonly #deps: TrackReaderDeps;
  readonly #intake: Intake;
  readonly #inlet: FrameInlet;
  readonly #consumers = new Set<LocalConsumer>();
  readonly #held = new HeldFrames();
  #waiting: Waiting[] = [];
  #request: Request | undefined;
  /** The backlog that the track began with was answered for, one way or another. */
  #isEntered = false;
  /** From here on in media time everything is here that there was. */
  #reach = Infinity;
  #lateEntries = 0;
  #blindEntries = 0;
  #askAgain: NodeJS.Timeout | undefined;
  /** The frame for whose sake what is missing was asked for last: once is enough. */
  #repaired: string | undefined;
  #isDown: boolean;
  #isEnding = false;
  #isFinal = false;
  #lastFrames: NodeJS.Timeout | undefined;

  constructor(deps: TrackReaderDeps) {
    this.#deps = deps;
    this.#isDown = !deps.outlet.isConnected;
    this.#intake = new Intake(deps.local, deps.counters);
    this.#inlet = new FrameInlet({
      ...deps,
      subject: deps.subjects.frames,
      damaged: () => this.#intake.damaged(),
      frame: (frame) => {
        this.#held.push(frame);
        this.#drain();
      },
    });
  }

  get isIdle(): boolean {
    return this.#consumers.size === 0;
  }

  consume(options: ConsumeOptions): LocalConsumer {
    const consumer = new LocalConsumer(options, () => this.#release(consumer));
    this.#consumers.add(consumer);
    this.#waiting.push({ consumer, backlog: options.backlog ?? 'newest', isAsked: false });
    consumer.awaitBacklog();
    this.#isFinal = false;
    this.#waitForLastFrames();
    this.#subscribe();
    this.#settle();
    return consumer;
  }

  /** Called before a frame is written here: whoever waits for an answer from elsewhere has one. */
  beforeLocalWrite(): void {
    if (this.#waiting.length > 0) {
      this.#abandon();
      this.#waiting.forEach((waiting) => (waiting.isAsked = true));
      this.#attachAsked();
      this.#drain();
      this.#backlogArrived();
    }
  }

  /** The broadcast is over: whatever was written before is asked for once more, then the consumers end. */
  end(): void {
    this.#isEnding = true;
    this.#waitForLastFrames();
    this.#settle();
  }

  /** The broadcast is over, and nothing more can be had. */
  finish(): void {
    clearTimeout(this.#lastFrames);
    this.#abandon();
    this.#isDown = false;
    this.#isFinal = true;
    this.#drain();
    this.#waiting.forEach((waiting) => (waiting.isAsked = true));
    this.#attachAsked();
    this.#deps.local.end();
    this.#leave();
  }

  disconnected(): void {
    this.#isDown = true;
    this.#abandon();
    this.#inlet.disconnected();
  }

  reconnected(): void {
    this.#isDown = false;
    if (this.#consumers.size > this.#waiting.length && !this.#isEnding) {
      this.#resume();
    } else {
      this.#settle();
    }
  }

  /** To be called about once a second. */
  sweep(): void {
    this.#inlet.sweep();
  }

  /** Ends every consumer at once. */
  close(): void {
    clearTimeout(this.#lastFrames);
    [...this.#consumers].forEach((consumer) => consumer.close());
    this.#leave();
  }

  #subscribe(): void {
    this.#deps.counters.subscriptions += this.#inlet.isOpen ? 0 : 1;
    this.#inlet.open();
  }

  #waitForLastFrames(): void {
    if (this.#isEnding) {
      clearTimeout(this.#lastFrames);
      this.#lastFrames = setTimeout(() => this.finish(), LAST_FRAMES);
      this.#lastFrames.unref();
    }
  }

  #release(consumer: LocalConsumer): void {
    this.#deps.local.detach(consumer);
    this.#waiting = this.#waiting.filter((waiting) => waiting.consumer !== consumer);
    if (this.#consumers.delete(consumer) && this.#consumers.size === 0) {
      this.#leave();
      this.#deps.left();
    }
  }

  #leave(): void {
    this.#abandon();
    this.#deps.counters.subscriptions -= this.#inlet.isOpen ? 1 : 0;
    this.#inlet.close();
    this.#held.clear();
    this.#intake.reset();
    this.#isEntered = false;
    this.#reach = Infinity;
    this.#lateEntries = 0;
    this.#blindEntries = 0;
  }

  /** Takes what is held, unless something that belongs before it is on its way, or has to be asked for when NATS is back. */
  #drain(): void {
    for (let next = this.#held.first; next !== undefined && !this.#isHolding; next = this.#held.first) {
      if (this.#intake.isMissing(next) && (this.#isDown || this.#repair(next))) {
        return;
      }
      this.#held.shift();
      const isTaken = this.#intake.take(next);
      if (!isTaken && this.#deps.local.last === undefined) {
        this.#enterLate();
      }
    }
  }

  get #isHolding(): boolean {
    return this.#request !== undefined && this.#request.kind !== 'older';
  }

  /** Asks for what is missing before a frame; false where it was asked for already, and cannot be had. */
  #repair({ run, number }: NumberedFrame): boolean {
    const key = `${run}.${number}`;
    if (this.#repaired === key || this.#isFinal) {
      return false;
    }
    if (this.#request?.kind === 'older') {
      return true;
    }
    this.#repaired = key;
    this.#resume();
    return true;
  }

  /** Frames come although nobody answered for the track: its origin came late, or stands where the request did not reach yet. */
  #enterLate(): void {
    const isRead = this.#consumers.size > this.#waiting.length;
    if (isRead && !this.#isDown && this.#request === undefined && this.#lateEntries < MAX_LATE_ENTRIES) {
      this.#lateEntries += 1;
      this.#ask('enter', { want: 'newest' });
    }
  }

  /** Nobody answered, and perhaps nothing follows by which the origin would be noticed. */
  #enterAgain(want: BacklogWant): void {
    if (want.want !== 'none' && this.#blindEntries < MAX_BLIND_ENTRIES && !this.#isEnding) {
      this.#blindEntries += 1;
      clearTimeout(this.#askAgain);
      this.#askAgain = setTimeout(() => {
        const isRead = this.#consumers.size > this.#waiting.length;
        if (isRead && this.#request === undefined && this.#deps.local.last === undefined && !this.#isDown) {
          this.#ask('enter', want);
        }
      }, this.#blindEntries * ASK_AGAIN);
      this.#askAgain.unref();
    }
  }

  #resume(): void {
    this.#abandon();
    const { last } = this.#deps.local;
    this.#consumers.forEach((consumer) => consumer.awaitBacklog());
    if (last === undefined) {
      this.#ask('enter', { want: 'newest' });
    } else {
      const { epoch, group, index } = last;
      this.#ask('resume', { want: 'after', place: { epoch, group, index } });
    }
  }

  /** Attaches those consumers for whom all is here, and asks for what another needs. */
  #settle(): void {
    if (this.#request !== undefined || this.#isFinal) {
      return;
    }
    this.#waiting.forEach((waiting) => (waiting.isAsked = this.#needOf(waiting) === undefined));
    this.#attachAsked();
    const first = this.#waiting[0];
    const need = first === undefined ? undefined : this.#needOf(first);
    if (this.#isEnding && need === undefined && this.#isNewestHere) {
      this.finish();
    } else if (need !== undefined && !this.#isDown) {
      this.#waiting.forEach((waiting) => (waiting.isAsked = JSON.stringify(this.#needOf(waiting)) === JSON.stringify(need)));
      this.#ask(need.kind, need.want);
    } else if (this.#isEnding && !this.#isDown) {
      this.#resume();
    }
  }

  /** Nobody elsewhere has anything that comes after what is here. */
  get #isNewestHere(): boolean {
    const { groups, here } = this.#deps.local;
    return this.#consumers.size === 0 || groups.at(-1)?.origin === here;
  }

  /** What has to be asked for before a consumer can begin; nothing where this process writes the track, or cannot ask. */
  #needOf({ backlog }: Waiting): ReturnType<typeof needOf> {
    const { local, isWrittenHere } = this.#deps;
    const isHere = isWrittenHere() || (this.#isDown && local.here.written > 0);
    return isHere ? undefined : needOf(backlog, { groups: local.groups, isEntered: this.#isEntered, reach: this.#reach });
  }

  #ask(kind: RequestKind, want: BacklogWant): void {
    const { broadcast, track, subjects, inbox, outlet, counters, local } = this.#deps;
    const older: NumberedFrame[] = [];
    const fetch = new BacklogFetch({
      broadcast,
      track,
      subject: subjects.backlog,
      want,
      inbox,
      outlet,
      counters,
      fence: () => local.fence,
      chosen: (offer) => this.#chosen(offer),
      frame: (frame) => {
        this.#waitForLastFrames();
        if (kind === 'older') {
          older.push(frame);
        } else {
          this.#intake.take(frame);
        }
      },
      done: (outcome, next) => this.#done(want, outcome, next),
    });
    this.#request = { kind, fetch, older, isLast: this.#isEnding && kind !== 'older' };
  }

  #chosen(offer: BacklogOffer): void {
    const request = this.#request;
    if (request === undefined) {
      return;
    }
    request.offer = offer;
    this.#deps.local.raise(offer.fence);
    const { last } = this.#deps.local;
    if (request.kind === 'enter' && offer.frames > 0 && (last === undefined || compareFrames(offer.last, last) > 0)) {
      // From here on they get each frame as it comes: what is here from before is older than what was asked for.
      this.#attachAsked('none');
    }
  }

  #done(want: BacklogWant, outcome: BacklogOutcome, next: { readonly run: number; readonly number: number } | undefined): void {
    const request = this.#request;
    this.#request = undefined;
    if (request === undefined) {
      return;
    }
    const { local } = this.#deps;
    if (request.kind === 'older') {
      local.prepend(request.older.map(({ frame }) => frame), { written: 0 });
    } else if (outcome === 'whole' && next !== undefined) {
      this.#intake.complete(next.run, next.number);
    }
    const newest = local.groups.at(-1)?.start ?? Infinity;
    this.#reach = Math.min(this.#reach, 'span' in want ? newest - want.span : newest);
    this.#isEntered = true;
    this.#attachAsked(undefined, want.want === 'none' ? request.offer : undefined);
    this.#drain();
    if (outcome !== 'whole' && local.last === undefined) {
      this.#enterAgain(want);
    }
    if (this.#request === undefined) {
      this.#backlogArrived();
      if (request.isLast && this.#waiting.length === 0) {
        this.finish();
      } else {
        this.#settle();
      }
    }
  }

  #attachAsked(backlog?: 'none', offer?: BacklogOffer): void {
    const asked = this.#waiting.filter(({ isAsked }) => isAsked);
    this.#waiting = this.#waiting.filter(({ isAsked }) => !isAsked);
    for (const { consumer, backlog: wanted } of asked) {
      this.#deps.local.attach(consumer, backlog ?? wanted);
      if (offer !== undefined) {
        consumer.skipThrough(offer.last);
      }
      if (this.#request === undefined) {
        consumer.backlogArrived();
      }
    }
  }

  #backlogArrived(): void {
    const waiting = new Set(this.#waiting.map(({ consumer }) => consumer));
    this.#consumers.forEach((consumer) => (waiting.has(consumer) ? undefined : consumer.backlogArrived()));
  }

  #abandon(): void {
    this.#request?.fetch.close();
    this.#request = undefined;
    clearTimeout(this.#askAgain);
    this.#waiting.forEach((waiting) => (waiting.isAsked = false));
  }
}
