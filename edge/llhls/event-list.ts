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

/**
 * What the tags in a playlist may take, and how many they are: 30 s of what ingest lets through where messages have 600 bytes, and its 20 largest
 * at once. Playlists are compressed on the thread that carries media, five times a second: beyond this the oldest are no longer listed.
 */
const MAX_TAG_BYTES = 128 * 1024;
const MAX_EVENTS = 400;
const MAX_KNOWN = 2 * MAX_EVENTS;

/**
 * The messages of a broadcast, each once, whichever rendition brought it first. Every playlist lists the same ones from its own
 * first segment on: rfc8216bis, 4.4.5.1, "If a Playlist contains two EXT-X-DATERANGE tags with the same ID attribute value, then any AttributeName
 * that appears in both tags MUST have the same AttributeValue", and a client that switches takes them for the same.
 */
export class EventList {
  #events: ListedEvent[] = [];
  /** Every message that was told and may be told again by another rendition, listed or not. */
  readonly #groupOf = new Map<string, number>();
  #bytes = 0;

  /** In the order in which they came. */
  get all(): readonly ListedEvent[] {
    return this.#events;
  }

  /** Takes a message of a segment; one that is known stays as it was told first. */
  add(event: TimedEvent, segment: EventPlace): void {
    if (this.#groupOf.has(event.id)) {
      return;
    }
    const at = eventTime(event, segment);
    const tag = dateRange(event, at);
    this.#groupOf.set(event.id, segment.group);
    const oldest = this.#groupOf.keys().next().value;
    if (this.#groupOf.size > MAX_KNOWN && oldest !== undefined) {
      this.#groupOf.delete(oldest);
    }
    this.#events.push({ event, group: segment.group, epoch: segment.epoch, at, tag });
    this.#bytes += tag.length;
    while (this.#bytes > MAX_TAG_BYTES || this.#events.length > MAX_EVENTS) {
      this.#bytes -= this.#events.shift()?.tag.length ?? 0;
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
    if (this.#groupOf.size === 0) {
      return;
    }
    for (const [id, own] of this.#groupOf) {
      if (own < group) {
        this.#groupOf.delete(id);
      }
    }
    this.#events = this.#events.filter((listed) => listed.group >= group);
    this.#bytes = this.#events.reduce((sum, { tag }) => sum + tag.length, 0);
  }
}
