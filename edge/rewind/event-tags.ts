import { rescale, VIDEO_TIMESCALE, type Ticks } from '#core/media/time.ts';
import type { TimedEvent } from '#core/media/timed-event.ts';

import type { ArchivedBroadcast, ArchivedSegment, ArchivedTrack } from '../archive/archive.ts';
import { dateRange, eventTime } from '../llhls/date-range.ts';
import { packBlock, type PackedBlock } from './packed-playlist.ts';

/** A manifest tells of so many messages, the newest ones: each may have 4 KiB, and the segments carry all of them. */
const MAX_EVENTS = 1000;
const MAX_EVENT_TEXT = 256 * 1024;

/** The messages that manifests tell of: the newest from a pts on. */
export function toldEvents(events: readonly TimedEvent[], since = 0): readonly TimedEvent[] {
  let from = events.length;
  let text = 0;
  for (; from > 0 && events.length - from < MAX_EVENTS; from--) {
    const event = events[from - 1] as TimedEvent;
    text += event.data.length;
    if (event.pts < since || text > MAX_EVENT_TEXT) {
      break;
    }
  }
  return events.slice(from);
}

/**
 * The messages of a kept broadcast as EXT-X-DATERANGE tags (ADR 0011): the same text for all of its playlists, because a client that switches takes tags of
 * one ID for the same.
 */
export class EventTags {
  readonly #broadcast: Pick<ArchivedBroadcast, 'events' | 'tracks'>;
  readonly #tags = new WeakMap<TimedEvent, string>();
  #made: { readonly state: string; readonly block: PackedBlock } | undefined;

  constructor(broadcast: Pick<ArchivedBroadcast, 'events' | 'tracks'>) {
    this.#broadcast = broadcast;
  }

  /** The tags of the messages from a pts on (in 90 kHz); undefined where there are none. */
  since(pts: number): PackedBlock | undefined {
    const told = toldEvents(this.#broadcast.events, pts);
    if (told.length === 0) {
      return undefined;
    }
    const state = `${told[0]?.id} ${told.length} ${told.at(-1)?.id}`;
    if (this.#made?.state !== state) {
      const track = this.#reference();
      this.#made = { state, block: packBlock(told.map((event) => this.#tagOf(event, track)).join('')) };
    }
    return this.#made.block;
  }

  #tagOf(event: TimedEvent, track: ArchivedTrack | undefined): string {
    let tag = this.#tags.get(event);
    if (tag === undefined) {
      const segment = track && segmentAt(track.segments, event.pts);
      tag = segment === undefined ? '' : dateRange(event, eventTime(event, segment));
      if (segment !== undefined && track?.segments.at(-1) !== segment) {
        this.#tags.set(event, tag);
      }
    }
    return tag;
  }

  /** Messages are on frames of the picture, on the sound's where there is no picture. */
  #reference(): ArchivedTrack | undefined {
    const tracks = [...this.#broadcast.tracks.values()].filter(({ segments }) => segments.length > 0);
    return tracks.find(({ kind }) => kind === 'video') ?? tracks[0];
  }
}

/** The segment that a pts lies in, or the last one before it. */
function segmentAt(segments: readonly ArchivedSegment[], pts: Ticks): ArchivedSegment | undefined {
  let [low, high] = [0, segments.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const segment = segments[middle] as ArchivedSegment;
    if (rescale(segment.pts, segment.timescale, VIDEO_TIMESCALE) <= pts) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return segments[Math.max(0, low - 1)];
}
