import { later, millis, type WallTime } from '#core/media/time.ts';
import type { TrackName } from '#core/media/track.ts';

import type { BroadcastWindow } from '../llhls/broadcast-window.ts';
import { FairTurns } from '../llhls/fair-turns.ts';
import { WaitList, type Waiter } from '../llhls/waiting.ts';
import type { WindowSegment } from '../llhls/window-segment.ts';

/** Who reads a segment while it grows. */
export interface SegmentReader {
  /** Takes what is new. True once the reader is done, one way or the other. */
  advance(): boolean;
  /** No part came for too long, or none will. */
  giveUp(): void;
}

/** Grace time of a publisher (ADR 0001) and a group: after it no further part comes. */
const PATIENCE = millis(33_000);

const turns = new FairTurns();

type Queue = { readonly track: TrackName; readonly group: number; readonly list: WaitList<Waiter> };
type Reading = { readonly track: TrackName; readonly reader: SegmentReader; readonly segment: WindowSegment; /** Parts that the reader was told of. */ told: number; hasMoved: boolean; deadline: WallTime };

/** The requests for segments of a broadcast that are in the making, or about to begin. */
export class SegmentReaders {
  readonly #window: BroadcastWindow;
  readonly #queues = new Map<string, Queue>();
  readonly #readings = new Set<Reading>();

  constructor(window: BroadcastWindow) {
    this.#window = window;
  }

  /** Readers of segments that grow. */
  get count(): number {
    return this.#readings.size;
  }

  /** Whether anybody reads a segment of a track as it grows, or waits for one to begin. */
  awaits(track: TrackName): boolean {
    return [...this.#queues.values()].some((queue) => queue.track === track) || [...this.#readings].some((reading) => reading.track === track);
  }

  /** How a segment can be read that is not there as a whole: it grows; it is the next to begin (`wait`); undefined otherwise. */
  find(track: TrackName, group: number): WindowSegment | 'wait' | undefined {
    const window = this.#window.renditions.get(track)?.window;
    const segment = window?.segmentOf(group);
    if (window === undefined || segment?.gap === true) {
      return undefined;
    }
    if (segment !== undefined) {
      return segment;
    }
    return !window.ended && window.last !== undefined && group === window.last.group + 1 ? 'wait' : undefined;
  }

  /** Waits for a segment to begin; the outcome is `arrived`, or `gone` where another one came in its place. */
  await(track: TrackName, group: number, waiter: Waiter): void {
    const key = `${track} ${group}`;
    let queue = this.#queues.get(key);
    if (queue === undefined) {
      queue = { track, group, list: new WaitList() };
      this.#queues.set(key, queue);
    }
    queue.list.add(waiter);
  }

  /** Has a reader told of each part of a segment from now on. Returns the way out. */
  follow(track: TrackName, segment: WindowSegment, reader: SegmentReader, now: WallTime): () => void {
    const reading: Reading = { track, reader, segment, told: segment.parts.length, hasMoved: false, deadline: later(now, PATIENCE) };
    this.#readings.add(reading);
    return () => this.#readings.delete(reading);
  }

  /** Tells readers of new parts, and those who wait of segments that have begun. */
  changed(): void {
    for (const reading of this.#readings) {
      const { reader, segment } = reading;
      if (segment.parts.length !== reading.told || segment.complete) {
        reading.told = segment.parts.length;
        reading.hasMoved = true;
        turns.run(() => {
          if (this.#readings.has(reading) && reader.advance()) {
            this.#readings.delete(reading);
          }
        });
      }
    }
    for (const [key, { track, group, list }] of this.#queues) {
      const found = this.find(track, group);
      if (found !== 'wait') {
        this.#queues.delete(key);
        list.release(() => (found === undefined ? 'gone' : 'arrived'));
      }
    }
  }

  expire(now: WallTime): void {
    for (const reading of this.#readings) {
      if (reading.hasMoved) {
        reading.hasMoved = false;
        reading.deadline = later(now, PATIENCE);
      } else if (reading.deadline <= now) {
        this.#readings.delete(reading);
        reading.reader.giveUp();
      }
    }
    for (const [key, { list }] of this.#queues) {
      list.expire(now);
      if (list.size === 0) {
        this.#queues.delete(key);
      }
    }
  }

  dismiss(outcome: 'stopping' | 'gone'): void {
    for (const { list } of this.#queues.values()) {
      list.release(() => outcome);
    }
    this.#queues.clear();
    const readings = [...this.#readings];
    this.#readings.clear();
    readings.forEach(({ reader }) => reader.giveUp());
  }
}
