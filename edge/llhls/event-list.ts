import type { WallTime } from '#core/media/time.ts';
import type { TimedEvent } from '#core/media/timed-event.ts';

import type { Segment } from '../cmaf/segment.ts';
import { dateRange, eventTime } from './date-range.ts';

/** A message that a broadcast's playlists list. */
export type ListedEvent = {
  readonly event: TimedEvent;
  /** The group of the frame that carries it. */
  readonly group: number;
  readonly epoch: number;
  readonly at: WallTime;
  /** Its EXT-X-DATERANGE. */
  readonly tag: string;
};

/** What {@link EventList} needs to know of a segment. */
export type EventPlace = Pick<Segment, 'group' | 'epoch' | 'pts' | 'timescale' | 'wallTime'>;

/** Twice what ingest lets through while a playlist lists 30 s of it: a bound on what a broken ingest can make us keep. */
const MAX_EVENTS = 400;

/**
 * The messages of a broadcast, each once, whichever rendition brought it first. Every playlist lists the same ones from its own
 * first segment on: rfc8216bis, 4.4.5.1, "If a Playlist contains two EXT-X-DATERANGE tags with the same ID attribute value, then any AttributeName
 * that appears in both tags MUST have the same AttributeValue", and a client that switches takes them for the same.
 */
export class EventList {
  #events: ListedEvent[] = [];
  readonly #ids = new Set<string>();

  /** In the order in which they came. */
  get all(): readonly ListedEvent[] {
    return this.#events;
  }

  /** Takes a message of a segment; one that is known stays as it was told first. */
  add(event: TimedEvent, segment: EventPlace): void {
    if (this.#ids.has(event.id)) {
      return;
    }
    const at = eventTime(event, segment);
    this.#ids.add(event.id);
    this.#events.push({ event, group: segment.group, epoch: segment.epoch, at, tag: dateRange(event, at) });
    if (this.#events.length > MAX_EVENTS) {
      this.#ids.delete(this.#events.shift()?.event.id ?? '');
    }
  }

  /** The tags of the messages from a group on. */
  tagsFrom(group: number): string {
    let text = '';
    for (const listed of this.#events) {
      text += listed.group >= group ? listed.tag : '';
    }
    return text;
  }

  /** Forgets the messages of groups that nobody lists any more. */
  forgetBefore(group: number): void {
    if (this.#events.some((listed) => listed.group < group)) {
      this.#events.filter((listed) => listed.group < group).forEach(({ event }) => this.#ids.delete(event.id));
      this.#events = this.#events.filter((listed) => listed.group >= group);
    }
  }
}
