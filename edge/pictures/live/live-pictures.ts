import type { StreamName } from '#core/bus/catalog.ts';
import { elapsed, millis, type Clock, type Millis, type WallTime } from '#core/media/time.ts';
import type { TrackName } from '#core/media/track.ts';

import type { BroadcastWindow } from '../../llhls/broadcast-window.ts';
import type { Directory } from '../../llhls/directory.ts';
import type { Decoder } from '../decoder/decoder.ts';
import type { Picture } from '../picture.ts';
import { pictureTracks } from './newest-key-frame.ts';
import { Slot, type LiveKind } from './slot.ts';

/** Why there is no picture: the stream is not known, is off air, has sound alone; its first picture is not there yet; too many wait for one. */
export type NoPicture = 'unknown' | 'offline' | 'none' | 'late' | 'busy';

/** Options of {@link LivePictures}. */
export type LivePicturesOptions = {
  readonly directory: Directory;
  readonly decoder: Decoder;
  readonly clock: Clock;
  /** Told of a picture that could not be made. */
  readonly failed: (error: unknown, stream: StreamName, track: TrackName) => void;
};

/** A request waits so long for a picture. */
const PATIENCE = millis(3000);
/** A picture older than this is not given out while a newer one is being made: nobody asked for a while. */
const STALE = millis(10_000);
/** While a stream is off air, its last picture stays so long. */
const OFF_AIR = millis(60_000);
/** Requests that wait at a time. */
const MAX_WAITING = 2000;
/** How often who waits looks for the first key frame. A part comes each 0.2 s. */
const LOOK = millis(200);

/** The newest pictures of streams: made when somebody asks, at most one per stream and kind in 5 s. */
export class LivePictures {
  readonly #options: LivePicturesOptions;
  readonly #slots = new Map<string, Slot>();
  #waiting = 0;
  #sweptAt: WallTime;
  #stopping = false;

  constructor(options: LivePicturesOptions) {
    this.#options = options;
    this.#sweptAt = options.clock();
  }

  /** Pictures that are kept. */
  get size(): number {
    return this.#slots.size;
  }

  /** From now on nobody is made to wait. */
  stop(): void {
    this.#stopping = true;
  }

  /** The newest picture of a stream. Waits at most 3 s for the first one, and for one that replaces an old one. */
  async get(stream: StreamName, kind: LiveKind): Promise<Picture | NoPicture> {
    const { directory, clock } = this.#options;
    this.#sweep();
    const askedAt = clock();
    for (;;) {
      const window = directory.current(stream);
      if (window === undefined) {
        return this.#offAir(stream, kind);
      }
      if (window.hasLadder && pictureTracks(window).length === 0) {
        return 'none';
      }
      const slot = this.#slot(stream, kind);
      slot.want(window);
      slot.refresh(window);
      const found = this.#found(slot, window, askedAt);
      if (found !== undefined) {
        return found;
      }
      if (this.#waiting >= MAX_WAITING) {
        return slot.made?.picture ?? 'busy';
      }
      this.#waiting++;
      await settledOr(slot.running, slot.running === undefined ? LOOK : millis(PATIENCE - elapsed(askedAt, clock())));
      this.#waiting--;
    }
  }

  /** What can be answered now; undefined where it is worth while to wait. */
  #found(slot: Slot, window: BroadcastWindow, askedAt: WallTime): Picture | NoPicture | undefined {
    const now = this.#options.clock();
    const { made } = slot;
    const isOwn = made !== undefined && made.broadcast === window.info.broadcast;
    if (isOwn && (slot.running === undefined || elapsed(made.at, now) < STALE)) {
      return made.picture;
    }
    return elapsed(askedAt, now) < PATIENCE && !this.#stopping ? undefined : (made?.picture ?? 'late');
  }

  #offAir(stream: StreamName, kind: LiveKind): Picture | NoPicture {
    const { directory, clock } = this.#options;
    const made = this.#slots.get(`${stream}/${kind}`)?.made;
    if (made !== undefined && elapsed(made.at, clock()) < OFF_AIR) {
      return made.picture;
    }
    return directory.knows(stream) ? 'offline' : 'unknown';
  }

  #slot(stream: StreamName, kind: LiveKind): Slot {
    const { decoder, clock, failed } = this.#options;
    const key = `${stream}/${kind}`;
    let slot = this.#slots.get(key);
    if (slot === undefined) {
      slot = new Slot({ kind, decoder, clock, failed: (error, track) => failed(error, stream, track) });
      this.#slots.set(key, slot);
    }
    return slot;
  }

  /** Forgets pictures that nobody will get any more. */
  #sweep(): void {
    const now = this.#options.clock();
    if (elapsed(this.#sweptAt, now) < OFF_AIR) {
      return;
    }
    this.#sweptAt = now;
    for (const [key, { made, running }] of this.#slots) {
      const isOnAir = this.#options.directory.current(key.split('/')[0] ?? '') !== undefined;
      if (!isOnAir && running === undefined && (made === undefined || elapsed(made.at, now) >= OFF_AIR)) {
        this.#slots.delete(key);
      }
    }
  }
}

/** Settles when a promise that never rejects does, after `patience` at the latest. */
function settledOr(promise: Promise<void> | undefined, patience: Millis): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, Math.max(1, patience));
    void promise?.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
