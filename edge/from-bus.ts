import type { Bus, TrackConsumer, Unsubscribe } from '#core/bus/bus.ts';
import type { BroadcastInfo, LadderCatalog } from '#core/bus/catalog.ts';
import type { BroadcastId } from '#core/media/frame.ts';
import { MAX_GROUP_SECONDS } from '#core/media/grouping.ts';
import { elapsed, later, millis, type Clock, type Millis, type WallTime } from '#core/media/time.ts';
import type { TrackName } from '#core/media/track.ts';
import { messageOf } from '#core/runtime/errors.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { Archive, BroadcastKeeper } from './archive/archive.ts';
import { Packager } from './cmaf/packager.ts';
import type { PackagerEvents } from './cmaf/segment.ts';
import type { BroadcastWindow } from './llhls/broadcast-window.ts';
import type { Directory } from './llhls/directory.ts';
import type { Rendition } from './llhls/rendition.ts';
import type { TrackWindow } from './llhls/track-window.ts';
import { THREE_TARGET_DURATIONS } from './llhls/window-segment.ts';

/** What the follower tells of its work. */
export interface FeedObserver {
  /** A part is available, so long after its last frame left the camera. */
  partAvailable(delay: Millis): void;
  /** Groups that a track's queue lost because this edge was slow. */
  groupsLost(groups: number): void;
}

/** Options of {@link followBus}. */
export type FollowOptions = {
  readonly bus: Bus;
  readonly directory: Directory;
  /** Keeps what is packaged on disk. */
  readonly archive?: Archive;
  readonly observer: FeedObserver;
  readonly log: Logger;
  readonly clock: Clock;
};

/** Keeps the windows of every broadcast on the bus filled. */
export interface BusFollower {
  /**
   * Takes no more frames once those that are here are handed over. Open segments stay open: the broadcast goes on, here
   * after a restart or elsewhere, and only its end may end a playlist. Idempotent.
   */
  close(): Promise<void>;
}

/** Subscribes to every HLS rendition of every announced broadcast, with a backlog of three target durations. */
export function followBus(options: FollowOptions): BusFollower {
  const feeds = new Map<BroadcastId, BroadcastFeed>();
  const stop = options.bus.onBroadcast((info) => {
    const window = options.directory.announce(info);
    let feed = feeds.get(info.broadcast);
    if (feed === undefined) {
      feed = new BroadcastFeed(info, window, options);
      feeds.set(info.broadcast, feed);
    } else {
      feed.info = info;
    }
    if (info.state === 'ended') {
      feeds.delete(info.broadcast);
      feed.ended();
    }
  });
  return {
    async close(): Promise<void> {
      stop();
      await Promise.all([...feeds.values()].map((feed) => feed.close()));
    },
  };
}

class BroadcastFeed {
  readonly #info: BroadcastInfo;
  readonly #window: BroadcastWindow;
  readonly #options: FollowOptions;
  readonly #consumers = new Map<TrackName, TrackConsumer>();
  readonly #pumps: Promise<void>[] = [];
  /** Undefined where nothing is kept: without an archive, and of a broadcast that was over when it was first heard of. */
  readonly #keeper: BroadcastKeeper | undefined;
  readonly #stopCatalog: Unsubscribe;
  #closing = false;

  constructor(info: BroadcastInfo, window: BroadcastWindow, options: FollowOptions) {
    this.#info = info;
    this.#window = window;
    this.#options = options;
    this.#keeper = info.state === 'ended' ? undefined : options.archive?.keep(info);
    this.#stopCatalog = options.bus.onCatalog(info.broadcast, 'ladder', (ladder) => this.#follow(ladder));
  }

  set info(info: BroadcastInfo) {
    if (this.#keeper !== undefined) {
      this.#keeper.info = info;
    }
  }

  /** The broadcast is over: its consumers end by themselves once everything is read. */
  ended(): void {
    this.#stopCatalog();
    if (this.#consumers.size === 0) {
      this.#window.dismiss('gone');
    }
    // Once all is read; a stop in between leaves the recording open.
    void Promise.all(this.#pumps).then(() => (this.#closing ? undefined : this.#keeper?.end()));
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#stopCatalog();
    for (const consumer of this.#consumers.values()) {
      consumer.close();
    }
    await Promise.all(this.#pumps);
  }

  #follow(ladder: LadderCatalog): void {
    this.#window.ladder = ladder;
    if (this.#keeper !== undefined) {
      this.#keeper.ladder = ladder;
    }
    for (const [track, rendition] of this.#window.renditions) {
      if (!this.#consumers.has(track)) {
        const consumer = this.#options.bus.consume(this.#info.broadcast, track, { backlog: THREE_TARGET_DURATIONS });
        this.#consumers.set(track, consumer);
        const kind = ladder.renditions.find((offered) => offered.track === track)?.config.kind ?? 'video';
        this.#pumps.push(this.#pump(consumer, rendition, this.#keeper?.track(track, kind)));
      }
    }
  }

  async #pump(consumer: TrackConsumer, rendition: Rendition, kept: PackagerEvents | undefined): Promise<void> {
    const { observer, log } = this.#options;
    const events = new LiveEvents(rendition, this.#options, kept);
    const packager = new Packager(events);
    let lost = 0;
    for (;;) {
      let frame = consumer.tryNext();
      if (frame === undefined) {
        if (!events.live) {
          events.live = true;
          tellBeginning(rendition.window);
        }
        frame = await consumer.next();
      }
      if (consumer.losses.groups !== lost) {
        observer.groupsLost(consumer.losses.groups - lost);
        lost = consumer.losses.groups;
        packager.cut();
      }
      if (frame === undefined) {
        break;
      }
      if (frame.index === 0 && !frame.key) {
        this.#window.dependentSegmentSeen();
      }
      try {
        packager.push(frame);
      } catch (error) {
        log.warn({ stream: this.#info.stream, track: rendition.window.track, group: frame.group }, `A group cannot be packaged: ${messageOf(error)}`);
      }
    }
    if (!this.#closing) {
      packager.finish();
      rendition.window.end();
    }
  }
}

/**
 * The backlog is worked off. Where it was shorter than what was asked for, by more than a group may last, the bus has
 * nothing older: what came first begins its epoch.
 */
function tellBeginning(window: TrackWindow): void {
  const { first, last } = window;
  const newest = first === undefined || last === undefined ? 0 : last.start + last.duration - first.start;
  if (newest < THREE_TARGET_DURATIONS - MAX_GROUP_SECONDS * 1000) {
    window.beginsEpoch();
  }
}

/** Hands a packager's events to the window, then to the archive, and measures how late parts are, once the backlog is worked off. */
class LiveEvents implements PackagerEvents {
  live = false;
  readonly #rendition: Rendition;
  readonly #options: FollowOptions;
  readonly #kept: PackagerEvents | undefined;
  #frame = millis(0);

  constructor(rendition: Rendition, options: FollowOptions, kept: PackagerEvents | undefined) {
    this.#rendition = rendition;
    this.#options = options;
    this.#kept = kept;
  }

  init(...[init]: Parameters<PackagerEvents['init']>): void {
    this.#frame = millis((init.trackConfig.frameDuration * 1000) / init.trackConfig.timescale);
    this.#rendition.window.init(init);
    this.#kept?.init(init);
  }

  part(...[segment, part]: Parameters<PackagerEvents['part']>): void {
    this.#rendition.window.part(segment, part);
    if (this.live) {
      const lastFrame: WallTime = later(segment.wallTime, millis(segment.duration - this.#frame));
      this.#options.observer.partAvailable(elapsed(lastFrame, this.#options.clock()));
    }
  }

  segment(...[segment]: Parameters<PackagerEvents['segment']>): void {
    this.#rendition.window.segment(segment);
    this.#kept?.segment(segment);
  }

  gap(...[epoch, from, to]: Parameters<PackagerEvents['gap']>): void {
    this.#rendition.window.gap(epoch, from, to);
    this.#kept?.gap(epoch, from, to);
  }
}
