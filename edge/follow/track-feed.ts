import { setTimeout as pause } from 'node:timers/promises';

import type { Bus, TrackConsumer } from '#core/bus/bus.ts';
import type { BroadcastId, Frame } from '#core/media/frame.ts';
import { MAX_GROUP_SECONDS } from '#core/media/grouping.ts';
import { elapsed, later, millis, type Clock, type Millis, type WallTime } from '#core/media/time.ts';
import { messageOf } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';

import { Packager } from '../cmaf/packager.ts';
import type { PackagerEvents } from '../cmaf/segment.ts';
import type { Rendition } from '../llhls/rendition.ts';
import { THREE_TARGET_DURATIONS } from '../llhls/window-segment.ts';

/** What a feed tells of its work. */
export interface FeedObserver {
  /** A part is available, so long after its last frame left the camera. */
  partAvailable(delay: Millis): void;
  /** Groups that a track's queue lost because this edge was slow. */
  groupsLost(groups: number): void;
}

/** What a {@link TrackFeed} works with. */
export type TrackFeedOptions = {
  readonly bus: Bus;
  readonly broadcast: BroadcastId;
  readonly rendition: Rendition;
  /** Where the packager's events go besides the window, now. */
  readonly kept: () => PackagerEvents | undefined;
  /** The backlog is worked off. Called once, unless the feed is closed before. `isShort`: the bus had less than was asked for, by more than a group may last. */
  readonly caughtUp: (isShort: boolean) => void;
  /** A segment begins without a key frame. */
  readonly dependent: () => void;
  readonly observer: FeedObserver;
  readonly log: Logger;
  readonly clock: Clock;
};

/** A backlog that takes longer is not waited for: viewers get what is there. */
const FILL_LIMIT = millis(3000);

/** How often it is asked whether the backlog is over, where no frame says so. */
const LOOK = millis(20);

/** A subscription to a track: its frames, packaged into the window. Begins with a backlog of three target durations. */
export class TrackFeed {
  /** Settles when it takes no more frames, because the broadcast is over or it was closed. */
  readonly done: Promise<void>;
  readonly #options: TrackFeedOptions;
  readonly #consumer: TrackConsumer;
  readonly #events: LiveEvents;
  readonly #packager: Packager;
  /** By the monotonic clock. */
  readonly #since = performance.now();
  #lost = 0;
  #isClosed = false;

  constructor(options: TrackFeedOptions) {
    this.#options = options;
    this.#events = new LiveEvents(options);
    this.#packager = new Packager(this.#events);
    this.#consumer = options.bus.consume(options.broadcast, options.rendition.window.track, { backlog: THREE_TARGET_DURATIONS });
    this.done = this.#run();
  }

  /** Ends the subscription. The window stays as it is. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#consumer.close();
  }

  async #run(): Promise<void> {
    const { rendition, observer } = this.#options;
    for (;;) {
      const frame = this.#consumer.tryNext() ?? (await this.#next());
      if (this.#isClosed) {
        return;
      }
      const { groups } = this.#consumer.losses;
      if (groups !== this.#lost) {
        observer.groupsLost(groups - this.#lost);
        this.#lost = groups;
        this.#packager.cut();
      }
      if (frame === undefined) {
        break;
      }
      this.#push(frame);
    }
    this.#packager.finish();
    rendition.window.end();
    this.#catchUp();
  }

  #push(frame: Frame): void {
    const { dependent, log, broadcast, rendition } = this.#options;
    if (frame.index === 0 && !frame.key) {
      dependent();
    }
    try {
      this.#packager.push(frame);
    } catch (error) {
      log.warn({ broadcast, track: rendition.window.track, group: frame.group }, `A group cannot be packaged: ${messageOf(error)}`);
    }
  }

  /** Waits for a frame. While the backlog is on its way, that none is here yet does not say that all are. */
  async #next(): Promise<Frame | undefined> {
    if (this.#consumer.isBehind !== true) {
      this.#catchUp();
    }
    const next = this.#consumer.next();
    const waiting = next.then(() => 'frame' as const);
    while (!this.#events.live && (await Promise.race([waiting, pause(LOOK, 'look' as const, { ref: false })])) === 'look') {
      if (!this.#isClosed && (this.#consumer.isBehind !== true || performance.now() - this.#since >= FILL_LIMIT)) {
        this.#catchUp();
      }
    }
    return next;
  }

  #catchUp(): void {
    if (!this.#events.live) {
      this.#events.live = true;
      const { first, last } = this.#options.rendition.window;
      const span = first === undefined || last === undefined ? 0 : last.start + last.duration - first.start;
      this.#options.caughtUp(this.#consumer.isBehind !== true && span < THREE_TARGET_DURATIONS - MAX_GROUP_SECONDS * 1000);
    }
  }
}

/** Hands a packager's events to the window, then to the archive, and measures how late parts are, once the backlog is worked off. */
class LiveEvents implements PackagerEvents {
  live = false;
  readonly #options: TrackFeedOptions;
  #frame = millis(0);

  constructor(options: TrackFeedOptions) {
    this.#options = options;
  }

  init(...[init]: Parameters<PackagerEvents['init']>): void {
    const { rendition, kept } = this.#options;
    this.#frame = millis((init.trackConfig.frameDuration * 1000) / init.trackConfig.timescale);
    rendition.window.init(init);
    kept()?.init(init);
  }

  part(...[segment, part]: Parameters<PackagerEvents['part']>): void {
    const { rendition, observer, clock } = this.#options;
    rendition.window.part(segment, part);
    if (this.live) {
      const lastFrame: WallTime = later(segment.wallTime, millis(segment.duration - this.#frame));
      observer.partAvailable(elapsed(lastFrame, clock()));
    }
  }

  segment(...[segment]: Parameters<PackagerEvents['segment']>): void {
    this.#options.rendition.window.segment(segment);
    this.#options.kept()?.segment(segment);
  }

  gap(...lost: Parameters<PackagerEvents['gap']>): void {
    this.#options.rendition.window.gap(...lost);
    this.#options.kept()?.gap(...lost);
  }
}
