import type { Bus, Unsubscribe } from '#core/bus/bus.ts';
import type { BroadcastInfo, LadderCatalog } from '#core/bus/catalog.ts';
import { elapsed, millis, type Clock, type WallTime } from '#core/media/time.ts';
import type { TrackName } from '#core/media/track.ts';
import type { Logger } from '#core/runtime/log.ts';

import type { Archive, BroadcastKeeper } from '../archive/archive.ts';
import type { BroadcastWindow, WindowFollower } from '../llhls/broadcast-window.ts';
import { TrackFeed, type FeedObserver } from './track-feed.ts';

/** What a {@link BroadcastFeed} works with. */
export type BroadcastFeedOptions = {
  readonly bus: Bus;
  /** Keeps what is packaged on disk. */
  readonly archive?: Pick<Archive, 'keep'> | undefined;
  /** Which tracks are subscribed to (ADR 0015): all of them, or those that somebody watches. */
  readonly follow: 'always' | 'watched';
  /** Makes room for one more track that somebody watches; false where there is none. */
  readonly makeRoom: () => boolean;
  readonly observer: FeedObserver;
  readonly log: Logger;
  readonly clock: Clock;
};

/** A track that nobody asked for in so long is let go of. */
const LINGER = millis(10_000);

type Followed = { readonly feed: TrackFeed; wantedAt: WallTime };

/** The subscriptions to one broadcast's tracks. */
export class BroadcastFeed implements WindowFollower {
  #info: BroadcastInfo;
  readonly #window: BroadcastWindow;
  readonly #options: BroadcastFeedOptions;
  readonly #followed = new Map<TrackName, Followed>();
  /** Feeds that have not ended. */
  readonly #running = new Set<Promise<void>>();
  /** Undefined where nothing is kept: without an archive, and of a broadcast that was over when it was first heard of. */
  #keeper: BroadcastKeeper | undefined;
  readonly #stopCatalog: Unsubscribe;
  #isKept = false;
  #closing = false;

  constructor(info: BroadcastInfo, window: BroadcastWindow, options: BroadcastFeedOptions) {
    this.#info = info;
    this.#window = window;
    this.#options = options;
    window.follower = this;
    this.#keep();
    const stops = [
      options.bus.onCatalog(info.broadcast, 'ladder', (ladder) => this.#take(ladder)),
      options.bus.onCatalog(info.broadcast, 'archive', (archive) => (window.archive = archive)),
    ];
    this.#stopCatalog = () => stops.forEach((stop) => stop());
  }

  set info(info: BroadcastInfo) {
    this.#info = info;
    if (this.#keeper !== undefined) {
      this.#keeper.info = info;
    }
  }

  /** Tracks that are subscribed to because somebody watches them. */
  get watched(): number {
    return this.#isAlways ? 0 : this.#followed.size;
  }

  wake(track: TrackName): boolean {
    if (this.#closing || (!this.#isAlways && !this.#options.makeRoom())) {
      return false;
    }
    this.#follow(track);
    return true;
  }

  /** Lets go of tracks that nobody has asked for in a while, and of all where the clock was set back. Call it about four times a second. */
  expire(now: WallTime): void {
    for (const [track, followed] of this.#followed) {
      if (this.#window.takeWanted(track) || this.#isAlways) {
        followed.wantedAt = now;
      } else if (Math.abs(elapsed(followed.wantedAt, now)) >= LINGER && this.#window.renditions.get(track)?.window.ended === false) {
        this.#letGo(track, followed);
      }
    }
  }

  /** The track that was asked for least lately, of those that nobody has asked for since; undefined where there is none. */
  get idlest(): { readonly since: WallTime; readonly letGo: () => void } | undefined {
    let found: [TrackName, Followed] | undefined;
    for (const entry of this.#isAlways ? [] : this.#followed) {
      found = found === undefined || entry[1].wantedAt < found[1].wantedAt ? entry : found;
    }
    return found && { since: found[1].wantedAt, letGo: () => this.#letGo(...found) };
  }

  /** The broadcast is over: its feeds end by themselves once everything is read. */
  ended(): void {
    this.#stopCatalog();
    if (this.#followed.size === 0) {
      this.#window.dismiss('gone');
    }
    // Once all is read; a stop in between leaves the recording open.
    void Promise.all(this.#running).then(() => (this.#closing ? undefined : this.#keeper?.end()));
  }

  /** Nothing of the broadcast is on the bus any more: what sleeps never wakes. */
  forget(): void {
    for (const [track, { window, state }] of this.#window.renditions) {
      if (state === 'asleep') {
        window.end();
        this.#window.followed(track, 'live');
      }
    }
  }

  /** Takes no more frames. Open segments stay open. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#stopCatalog();
    this.#followed.forEach(({ feed }) => feed.close());
    await Promise.all(this.#running);
  }

  get #isAlways(): boolean {
    return this.#options.follow === 'always' || this.#isKept;
  }

  /** Waits for the right to keep the broadcast; again where it was lost to another edge, which may die. */
  #keep(): void {
    const { archive } = this.#options;
    if (archive === undefined || this.#closing || this.#info.state === 'ended') {
      return;
    }
    const keeper = archive.keep(this.#info);
    this.#keeper = keeper;
    if (this.#window.ladder !== undefined) {
      keeper.ladder = this.#window.ladder;
    }
    for (const track of this.#followed.keys()) {
      const init = this.#window.renditions.get(track)?.window.newestInit;
      if (init !== undefined) {
        keeper.track(track, this.#kindOf(track)).init(init);
      }
    }
    keeper.onKeeping((isKept) => {
      this.#isKept = isKept;
      if (isKept) {
        this.#followAll();
      } else {
        this.#keep();
      }
    });
  }

  #take(ladder: LadderCatalog): void {
    const { ladder: known } = this.#window;
    if (known !== undefined && ladder.fence < known.fence) {
      // A transcoder that was overtaken and does not know it yet.
      return;
    }
    this.#window.ladder = ladder;
    if (this.#keeper !== undefined) {
      this.#keeper.ladder = ladder;
    }
    this.#followAll();
  }

  #followAll(): void {
    if (this.#isAlways && !this.#closing) {
      [...this.#window.renditions.keys()].forEach((track) => this.#follow(track));
    }
  }

  #follow(track: TrackName): void {
    const rendition = this.#window.renditions.get(track);
    if (rendition === undefined || this.#followed.has(track)) {
      return;
    }
    const { bus, observer, log, clock } = this.#options;
    this.#window.followed(track, 'filling');
    const feed = new TrackFeed({
      bus, observer, log, clock, rendition,
      broadcast: this.#info.broadcast,
      kept: () => this.#keeper?.track(track, this.#kindOf(track)),
      dependent: () => this.#window.dependentSegmentSeen(),
      caughtUp: (isShort) => this.#caughtUp(track, isShort),
    });
    this.#followed.set(track, { feed, wantedAt: clock() });
    this.#running.add(feed.done);
    void feed.done.then(() => this.#running.delete(feed.done));
  }

  #letGo(track: TrackName, { feed }: Followed): void {
    feed.close();
    this.#followed.delete(track);
    this.#window.followed(track, 'asleep');
  }

  /** The backlog is worked off. Where the bus had nothing older, what came first begins its epoch, unless another track has earlier groups of it. */
  #caughtUp(track: TrackName, isShort: boolean): void {
    const window = this.#window.renditions.get(track)?.window;
    const { first } = window ?? {};
    if (isShort && (first === undefined || this.#window.epochOf(first.group - 1) !== first.epoch)) {
      window?.beginsEpoch();
    }
    this.#window.followed(track, 'live');
  }

  #kindOf(track: TrackName): 'video' | 'audio' {
    return this.#window.ladder?.renditions.find((offered) => offered.track === track)?.config.kind ?? 'video';
  }
}
