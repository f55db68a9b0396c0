import type { Bus } from '#core/bus/bus.ts';
import type { BroadcastId } from '#core/media/frame.ts';
import { elapsed, millis, type Clock, type WallTime } from '#core/media/time.ts';
import type { TrackName } from '#core/media/track.ts';
import type { Logger } from '#core/runtime/log.ts';

import { RenditionFeed, type FeedReader } from './rendition-feed.ts';

/** A feed outlives its last reader by so long: a viewer who switches back, or reloads, finds it running. */
const LINGER = millis(10_000);

/** What the feeds of a thread share. */
export type FeedsOptions = { readonly bus: Bus; readonly clock: Clock; readonly log: Logger; readonly lost?: (groups: number) => void };

/** A reader's hold on a feed. */
export type FeedLease = { readonly feed: RenditionFeed; /** Idempotent. */ release(): void };

type Entry = { readonly feed: RenditionFeed; readers: number; idleSince: WallTime };

/** The feeds that are running: one for each rendition that somebody needs. */
export class Feeds {
  readonly #options: FeedsOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: FeedsOptions) {
    this.#options = options;
  }

  /** Feeds that are running, read or not. */
  get count(): number {
    return this.#entries.size;
  }

  /** The feed of a rendition, made where there is none. */
  take(broadcast: BroadcastId, track: TrackName, reader: FeedReader): FeedLease {
    const key = `${broadcast}/${track}`;
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      const { bus, clock, log, lost } = this.#options;
      entry = { feed: new RenditionFeed({ bus, broadcast, track, clock, log, ...(lost === undefined ? {} : { lost }) }), readers: 0, idleSince: clock() };
      this.#entries.set(key, entry);
    }
    return this.#lease(entry, reader);
  }

  /** Lets go of feeds that nobody has read for 10 s. Call it about once a second. */
  expire(now: WallTime): void {
    for (const [key, entry] of this.#entries) {
      if (entry.readers === 0 && elapsed(entry.idleSince, now) >= LINGER) {
        entry.feed.close();
        this.#entries.delete(key);
      }
    }
  }

  /** Lets go of all. Idempotent. */
  close(): void {
    this.#entries.forEach(({ feed }) => feed.close());
    this.#entries.clear();
  }

  #lease(entry: Entry, reader: FeedReader): FeedLease {
    const stop = entry.feed.read(reader);
    let held = true;
    entry.readers += 1;
    return {
      feed: entry.feed,
      release: () => {
        if (held) {
          held = false;
          stop();
          entry.readers -= 1;
          entry.idleSince = this.#options.clock();
        }
      },
    };
  }
}
