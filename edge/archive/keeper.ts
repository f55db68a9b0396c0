import type { Lease } from '#core/bus/bus.ts';
import type { BroadcastInfo, LadderCatalog } from '#core/bus/catalog.ts';
import { elapsed, millis, type WallTime } from '#core/media/time.ts';
import type { TrackName } from '#core/media/track.ts';

import type { PackagerEvents } from '../cmaf/segment.ts';
import type { BroadcastKeeper } from './archive.ts';
import { MAX_QUEUED_BYTES, type KeptBroadcast } from './kept-broadcast.ts';
import type { ArchiveMetrics } from './metrics.ts';

/** What a keeper works with. */
export type KeeperOptions = {
  /** Waits for the right to keep the broadcast, until the signal tells to give up; undefined where it does not come. */
  readonly lease: (signal: AbortSignal) => Promise<Lease | undefined>;
  /** Makes the broadcast in the archive, or opens what is there of it. */
  readonly open: () => Promise<KeptBroadcast>;
  /** The right was taken away: another edge goes on. */
  readonly lost: (kept: KeptBroadcast) => void;
  /** The broadcast is over. Undefined where it was another's to keep. */
  readonly ended: (kept: KeptBroadcast | undefined) => Promise<void>;
  readonly metrics: ArchiveMetrics;
};

/** Something that was told before it could be handed on; of segments, when they were. */
type Waiting = { readonly tell: (kept: KeptBroadcast) => void; readonly bytes: number; readonly at?: WallTime };

/** While another edge keeps the broadcast, segments of so long wait: until it is known that it does no more. */
const STANDBY = millis(10_000);

/** Hands on what is told of a broadcast, once it may be kept and what is there of it is read. What comes before waits, within the queue's bound. */
export class Keeper implements BroadcastKeeper {
  info: BroadcastInfo;
  readonly #options: KeeperOptions;
  /** Settles when it keeps, or will not. */
  readonly opened: Promise<void>;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  readonly #listeners: ((isKeeping: boolean) => void)[] = [];
  /** Of waiting for an edge that keeps it already. */
  readonly #patience = new AbortController();
  #kept: KeptBroadcast | undefined;
  #lease: Lease | undefined;
  #state: 'opening' | 'open' | 'stopped' = 'opening';

  constructor(info: BroadcastInfo, options: KeeperOptions) {
    this.info = info;
    this.#options = options;
    this.opened = this.#open();
  }

  /** What it keeps; undefined before it may, and after it may no more. */
  get kept(): KeptBroadcast | undefined {
    return this.#state === 'open' ? this.#kept : undefined;
  }

  set ladder(ladder: LadderCatalog) {
    this.#do(0, (kept) => (kept.ladder = ladder));
  }

  onKeeping(listener: (isKeeping: boolean) => void): void {
    this.#listeners.push(listener);
    if (this.kept !== undefined) {
      listener(true);
    }
  }

  track(name: TrackName, kind: 'video' | 'audio'): PackagerEvents {
    return {
      init: (init) => this.#do(0, (kept) => kept.addInit(kept.track(name, kind), init)),
      part: () => undefined,
      segment: (segment) => this.#do(segment.bytes, (kept) => kept.addSegment(kept.track(name, kind), segment), segment.wallTime),
      gap: () => undefined,
    };
  }

  async end(): Promise<void> {
    this.#patience.abort();
    await this.opened;
    await this.#options.ended(this.stop());
  }

  /** Takes nothing more, and gives the right back. Returns what was kept. */
  stop(): KeptBroadcast | undefined {
    const kept = this.kept;
    this.#state = 'stopped';
    this.#patience.abort();
    this.#waiting = [];
    this.#lease?.release();
    return kept;
  }

  async #open(): Promise<void> {
    const lease = await this.#options.lease(this.#patience.signal);
    if (lease === undefined || this.#isStopped()) {
      this.#state = 'stopped';
      this.#waiting = [];
      lease?.release();
      return;
    }
    this.#lease = lease;
    const kept = await this.#options.open();
    if (this.#isStopped()) {
      lease.release();
      return;
    }
    kept.begin();
    this.#kept = kept;
    this.#state = 'open';
    this.#waiting.splice(0).forEach(({ tell }) => tell(kept));
    this.#listeners.forEach((listener) => listener(true));
    void lease.lost.then(() => {
      if (this.stop() !== undefined) {
        this.#options.lost(kept);
        this.#listeners.forEach((listener) => listener(false));
      }
    });
  }

  /** Asked through a method: the compiler does not know that it changes while something is awaited. */
  #isStopped(): boolean {
    return this.#state === 'stopped';
  }

  #do(bytes: number, tell: (kept: KeptBroadcast) => void, at?: WallTime): void {
    if (this.kept !== undefined) {
      tell(this.kept);
    } else if (this.#state === 'opening') {
      this.#dropOld(at);
      if (this.#waitingBytes + bytes > MAX_QUEUED_BYTES) {
        this.#options.metrics.lost('slow');
        return;
      }
      this.#waitingBytes += bytes;
      this.#waiting.push({ tell, bytes, ...(at === undefined ? {} : { at }) });
    }
  }

  /** Whoever has the lease has kept these. */
  #dropOld(now: WallTime | undefined): void {
    if (now !== undefined && this.#lease === undefined) {
      this.#waiting = this.#waiting.filter(({ at, bytes }) => {
        const isOld = at !== undefined && elapsed(at, now) > STANDBY;
        this.#waitingBytes -= isOld ? bytes : 0;
        return !isOld;
      });
    }
  }
}
