import type { BroadcastInfo, StreamName } from '#core/bus/catalog.ts';
import { isOvertaken } from '#core/bus/overtaken.ts';
import type { BroadcastId } from '#core/media/frame.ts';
import { elapsed, later, millis, type Clock, type WallTime } from '#core/media/time.ts';

import { BroadcastWindow, type BroadcastOptions } from './broadcast-window.ts';
import { WaitList, type Waiter } from './waiting.ts';

/** Time in which a broadcast may return after a restart: ingest's grace time (ADR 0001). */
const GRACE = millis(30_000);

/** Options of a {@link Directory}. */
export type DirectoryOptions = BroadcastOptions & {
  readonly clock: Clock;
  /** Streams that may be asked for although nothing was ever published: configured ones, the demo. */
  readonly knownStreams: () => readonly StreamName[];
};

type Entry = { readonly window: BroadcastWindow; endedAt: WallTime | undefined };

/** Everything that can be watched here: streams by name, and their broadcasts by id, the ended ones for a while. */
export class Directory {
  readonly #options: DirectoryOptions;
  readonly #startedAt: WallTime;
  readonly #seen = new Set<StreamName>();
  readonly #current = new Map<StreamName, BroadcastId>();
  readonly #entries = new Map<BroadcastId, Entry>();
  readonly #arrivals = new WaitList<Waiter>();
  readonly #watchers: ((window: BroadcastWindow) => void)[] = [];

  constructor(options: DirectoryOptions) {
    this.#options = options;
    this.#startedAt = options.clock();
  }

  /** Every broadcast that is kept. */
  get windows(): BroadcastWindow[] {
    return [...this.#entries.values()].map(({ window }) => window);
  }

  /** Calls back with each broadcast's window when it is made. */
  onWindow(watcher: (window: BroadcastWindow) => void): void {
    this.#watchers.push(watcher);
  }

  /** Takes a broadcast's announcement; gives its window, made where it is new. */
  announce(info: BroadcastInfo): BroadcastWindow {
    let entry = this.#entries.get(info.broadcast);
    if (entry === undefined) {
      entry = { window: new BroadcastWindow(info, this.#options), endedAt: undefined };
      this.#entries.set(info.broadcast, entry);
      const { window } = entry;
      this.#watchers.forEach((watcher) => watcher(window));
    }
    entry.window.info = info;
    this.#seen.add(info.stream);
    if (info.state !== 'ended') {
      const current = this.current(info.stream);
      if (current === undefined || current === entry.window || !isOvertaken(info, current.info)) {
        this.#current.set(info.stream, info.broadcast);
      }
      this.#arrivals.release(() => 'arrived');
    } else {
      entry.endedAt ??= this.#options.clock();
      if (this.#current.get(info.stream) === info.broadcast) {
        this.#current.delete(info.stream);
      }
    }
    return entry.window;
  }

  /** Tells whether a stream exists, on air or not. */
  knows(stream: StreamName): boolean {
    return this.#seen.has(stream) || this.#options.knownStreams().includes(stream);
  }

  /** The broadcast that a stream has on air, or that may return. */
  current(stream: StreamName): BroadcastWindow | undefined {
    const id = this.#current.get(stream);
    return id === undefined ? undefined : this.#entries.get(id)?.window;
  }

  /** A broadcast of a stream, over or not. */
  broadcast(stream: StreamName, id: BroadcastId): BroadcastWindow | undefined {
    const window = this.#entries.get(id)?.window;
    return window?.info.stream === stream ? window : undefined;
  }

  /** Whether a broadcast that is not known may still come back: the server began less than the grace time ago. */
  mayReturn(stream: StreamName): boolean {
    return this.#current.get(stream) === undefined && elapsed(this.#startedAt, this.#options.clock()) < GRACE;
  }

  /** Waits for any broadcast to arrive. */
  awaitArrival(waiter: Waiter): void {
    this.#arrivals.add(waiter);
  }

  /** Answers those who waited too long, and forgets broadcasts whose segments need not be available any more. */
  expire(now: WallTime): void {
    this.#arrivals.expire(now);
    for (const [id, { window, endedAt }] of this.#entries) {
      window.expire(now);
      if (endedAt !== undefined && later(endedAt, millis(2 * this.#options.listed)) <= now) {
        window.dismiss('gone');
        this.#entries.delete(id);
      }
    }
  }

  /** Answers everybody who waits: the server stops. */
  dismiss(): void {
    this.#arrivals.release(() => 'stopping');
    for (const { window } of this.#entries.values()) {
      window.dismiss('stopping');
    }
  }
}
