import { rescale, VIDEO_TIMESCALE, type Ticks } from '#core/media/time.ts';
import type { TimedEvent } from '#core/media/timed-event.ts';

import type { ArchivedSegment } from '../archive/archive.ts';
import { dateRange, eventTime } from '../llhls/date-range.ts';
import type { SegmentRanges } from './segment-blocks.ts';

/** A manifest tells of so many messages, the newest ones: each may have 4 KiB, and the segments carry all of them. */
const MAX_EVENTS = 1000;
const MAX_EVENT_TEXT = 512 * 1024;

/** The first of the messages that a manifest tells of. */
export function firstTold(events: readonly TimedEvent[]): number {
  let from = events.length;
  let text = 0;
  while (from > 0 && events.length - from < MAX_EVENTS && text <= MAX_EVENT_TEXT) {
    from--;
    text += (events[from] as TimedEvent).data.length;
  }
  return from;
}

/** The messages of a broadcast as EXT-X-DATERANGE tags before the segment that each lies in (ADR 0011). */
export class EventRanges implements SegmentRanges {
  readonly #events: readonly TimedEvent[];
  readonly #from: number;

  /** @param events - In the order of their pts. */
  constructor(events: readonly TimedEvent[]) {
    this.#events = events;
    this.#from = firstTold(events);
  }

  linesOf(segment: ArchivedSegment): string {
    let text = '';
    for (let i = this.#at(startOf(segment)); i < this.#at(endOf(segment)); i++) {
      const event = this.#events[i] as TimedEvent;
      text += dateRange(event, eventTime(event, segment));
    }
    return text;
  }

  signature(first: ArchivedSegment, last: ArchivedSegment): string {
    const [from, to] = [this.#at(startOf(first)), this.#at(endOf(last))];
    return to > from ? `${this.#events[from]?.id} ${to - from} ${this.#events[to - 1]?.id}` : '';
  }

  /** The first message listed that is not before a pts. */
  #at(pts: Ticks): number {
    let [low, high] = [this.#from, this.#events.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#events[middle] as TimedEvent).pts < pts) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}

/** A track without messages. */
export const NO_RANGES: SegmentRanges = { linesOf: () => '', signature: () => '' };

function startOf({ pts, timescale }: ArchivedSegment): Ticks {
  return rescale(pts, timescale, VIDEO_TIMESCALE);
}

function endOf({ pts, ticks, timescale }: ArchivedSegment): Ticks {
  return rescale((pts + ticks) as Ticks, timescale, VIDEO_TIMESCALE);
}
