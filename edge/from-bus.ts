import type { Bus } from '#core/bus/bus.ts';
import type { BroadcastId } from '#core/media/frame.ts';
import { elapsed, later, millis, type Clock, type WallTime } from '#core/media/time.ts';
import type { Logger } from '#core/runtime/log.ts';
import { TokenBucket } from '#core/runtime/token-bucket.ts';

import type { Archive } from './archive/archive.ts';
import { BroadcastFeed } from './follow/broadcast-feed.ts';
import type { FeedObserver } from './follow/track-feed.ts';
import type { Directory } from './llhls/directory.ts';

/** Options of {@link followBus}. */
export type FollowOptions = {
  readonly bus: Bus;
  readonly directory: Directory;
  /** Keeps what is packaged on disk. */
  readonly archive?: Pick<Archive, 'keep'>;
  /** Which tracks are subscribed to (ADR 0015). Default: all of them. */
  readonly follow?: 'always' | 'watched';
  /** Tracks that are subscribed to at a time because somebody watches them. Default: no bound. */
  readonly maxFollowedTracks?: number;
  readonly observer: FeedObserver;
  readonly log: Logger;
  readonly clock: Clock;
};

/** Keeps the windows of every broadcast on the bus filled. */
export interface BusFollower {
  /** Tracks that are subscribed to because somebody watches them. */
  readonly watched: number;
  /** Lets go of what nobody watches any more. Call it about four times a second. */
  expire(now: WallTime): void;
  /**
   * Takes no more frames once those that are here are handed over. Open segments stay open: the broadcast goes on, here
   * after a restart or elsewhere, and only its end may end a playlist. Idempotent.
   */
  close(): Promise<void>;
}

/** A track that was asked for in the last three seconds is not taken away from who watches it: plain HLS asks each target duration. */
const IN_USE = millis(3000);

/** In so long as many tracks may be woken as may be followed: the backlogs, six seconds each, cost no more than the media itself. */
const WAKES_SECONDS = 10;

/** Broadcasts that are over may be asked for so long: what of them nobody watched may still be on the bus. */
const AFTER_END = millis(60_000);

/** Subscribes to the HLS renditions of every announced broadcast, with a backlog of three target durations: to all, or to those that are asked for. */
export function followBus(options: FollowOptions): BusFollower {
  const { follow = 'always', maxFollowedTracks = Infinity, clock } = options;
  const feeds = new Map<BroadcastId, BroadcastFeed>();
  const over = new Map<BroadcastId, WallTime>();
  const wakes = Number.isFinite(maxFollowedTracks) ? new TokenBucket({ clock, burst: maxFollowedTracks, perSecond: maxFollowedTracks / WAKES_SECONDS }) : undefined;
  const watched = (): number => feeds.values().reduce((sum, feed) => sum + feed.watched, 0);
  const makeRoom = (): boolean => {
    if (watched() < maxFollowedTracks) {
      return wakes?.take() ?? true;
    }
    const [idlest] = [...feeds.values()].flatMap((feed) => feed.idlest ?? []).sort((a, b) => a.since - b.since);
    if (idlest === undefined || elapsed(idlest.since, clock()) < IN_USE || wakes?.take() === false) {
      return false;
    }
    idlest.letGo();
    return true;
  };
  const stop = options.bus.onBroadcast((info) => {
    const window = options.directory.announce(info);
    let feed = feeds.get(info.broadcast);
    if (feed === undefined) {
      feed = new BroadcastFeed(info, window, { ...options, follow, makeRoom });
      feeds.set(info.broadcast, feed);
    } else {
      feed.info = info;
    }
    if (info.state === 'ended' && !over.has(info.broadcast)) {
      over.set(info.broadcast, clock());
      feed.ended();
    }
  });
  return {
    get watched() {
      return watched();
    },
    expire(now) {
      for (const [id, since] of over) {
        if (later(since, AFTER_END) <= now) {
          over.delete(id);
          feeds.get(id)?.forget();
          feeds.delete(id);
        }
      }
      feeds.forEach((feed) => feed.expire(now));
    },
    async close() {
      stop();
      await Promise.all([...feeds.values()].map((feed) => feed.close()));
    },
  };
}
