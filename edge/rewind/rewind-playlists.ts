import { VIDEO_TIMESCALE } from '#core/media/time.ts';
import type { TrackName } from '#core/media/track.ts';

import type { ArchivedBroadcast, ArchivedSegment, ArchivedTrack } from '../archive/archive.ts';
import { playlistPayload, type Payload } from '../http/payload.ts';
import { multivariantPlaylist } from '../llhls/multivariant-playlist.ts';
import { TARGET_DURATION } from '../llhls/window-segment.ts';
import { EventTags } from './event-tags.ts';
import { offeredRenditions } from './offered.ts';
import { packBlock, PackedPlaylist } from './packed-playlist.ts';
import { SegmentBlocks } from './segment-blocks.ts';
import { Timeline } from './timeline.ts';

/** Each broadcast with what was made for it. Goes with the broadcast. */
const known = new WeakMap<ArchivedBroadcast, RewindPlaylists>();

/** The multivariant playlist of a broadcast's rewind window, for `/live/<stream>/rewind.m3u8`; undefined where there is none. */
export function rewindMultivariant(broadcast: ArchivedBroadcast): Payload | undefined {
  return playlistsOf(broadcast).multivariant();
}

/**
 * The media playlist of a track's rewind window, for `/live/<stream>/<broadcast>/<track>/rewind.m3u8`: plain HLS without parts, made once per state. Undefined
 * where there is none.
 */
export function rewindPlaylist(broadcast: ArchivedBroadcast, track: TrackName): Payload | undefined {
  return playlistsOf(broadcast).media(track);
}

function playlistsOf(broadcast: ArchivedBroadcast): RewindPlaylists {
  let playlists = known.get(broadcast);
  if (playlists === undefined) {
    playlists = new RewindPlaylists(broadcast);
    known.set(broadcast, playlists);
  }
  return playlists;
}

class RewindPlaylists {
  readonly #broadcast: ArchivedBroadcast;
  readonly #tags: EventTags;
  readonly #timeline: Timeline;
  readonly #windows = new Map<TrackName, RewindWindow>();
  #multivariant: { readonly text: string; readonly payload: Payload } | undefined;

  constructor(broadcast: ArchivedBroadcast) {
    this.#broadcast = broadcast;
    this.#tags = new EventTags(broadcast);
    this.#timeline = new Timeline(broadcast.tracks, 'group');
  }

  multivariant(): Payload | undefined {
    const offered = offeredRenditions(this.#broadcast).filter(({ track }) => this.#window(track)?.isOn === true);
    if (offered.length === 0) {
      return undefined;
    }
    const { id } = this.#broadcast.facts;
    const text = multivariantPlaylist(id, offered, false, { uriOf: (track) => `${id}/${track}/rewind.m3u8` });
    if (this.#multivariant?.text !== text) {
      this.#multivariant = { text, payload: playlistPayload(text) };
    }
    return this.#multivariant.payload;
  }

  media(track: TrackName): Payload | undefined {
    return this.#window(track)?.playlist();
  }

  #window(name: TrackName): RewindWindow | undefined {
    const track = this.#broadcast.tracks.get(name);
    let window = this.#windows.get(name);
    if (track !== undefined && window?.track !== track) {
      window = new RewindWindow(this.#broadcast, track, this.#tags, this.#timeline);
      this.#windows.set(name, window);
    }
    return window;
  }
}

class RewindWindow {
  readonly track: ArchivedTrack;
  readonly #broadcast: ArchivedBroadcast;
  readonly #tags: EventTags;
  readonly #timeline: Timeline;
  readonly #blocks: SegmentBlocks;
  /** The oldest group that may be listed: what left the list does not come back. */
  #oldest = 0;
  #made: { readonly state: string; readonly payload: Payload } | undefined;

  constructor(broadcast: ArchivedBroadcast, track: ArchivedTrack, tags: EventTags, timeline: Timeline) {
    this.#broadcast = broadcast;
    this.#tags = tags;
    this.#timeline = timeline;
    this.#blocks = new SegmentBlocks(track, timeline);
    this.track = track;
  }

  get isOn(): boolean {
    return this.track.segments.length > 0 && this.#broadcast.rewind > 0;
  }

  playlist(): Payload | undefined {
    if (!this.isOn) {
      return undefined;
    }
    const { facts, events } = this.#broadcast;
    const { segments } = this.track;
    this.#timeline.update();
    const first = this.#firstListed(segments);
    const head = segments[first] as ArchivedSegment;
    const ended = facts.state === 'finished';
    const state = `${head.group} ${segments.at(-1)?.group} ${segments.length - first} ${events.length} ${events.at(-1)?.id} ${ended}`;
    if (this.#made?.state !== state) {
      // From the whole second before: sound that begins a frame after the picture must not lose the picture's message.
      const tags = this.#tags.since((Math.floor(head.pts / head.timescale) - 1) * VIDEO_TIMESCALE);
      const blocks = [packBlock(headerText(this.#timeline.numberOf(head), head.epoch)), ...(tags === undefined ? [] : [tags]), ...this.#blocks.list(first)];
      const payload = new PackedPlaylist(ended ? [...blocks, packBlock('#EXT-X-ENDLIST\n')] : blocks);
      this.#made = { state, payload };
    }
    return this.#made.payload;
  }

  /** Where the list begins: as far back as the broadcast lets viewers go. */
  #firstListed(segments: readonly ArchivedSegment[]): number {
    const { rewind } = this.#broadcast;
    const last = segments.at(-1) as ArchivedSegment;
    const earliest = last.pts + last.ticks - (rewind / 1000) * last.timescale;
    let low = 0;
    let high = segments.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      const segment = segments[middle] as ArchivedSegment;
      const isOld = segment.timescale === last.timescale ? segment.pts < earliest : segment.pts / segment.timescale < earliest / last.timescale;
      if (segment.group < this.#oldest || isOld) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    while (low < segments.length - 1 && !this.#timeline.lists(segments[low] as ArchivedSegment)) {
      low++;
    }
    this.#oldest = (segments[low] as ArchivedSegment).group;
    return low;
  }
}

function headerText(number: number, epoch: number): string {
  return (
    '#EXTM3U\n' +
    // 8: EXT-X-GAP.
    '#EXT-X-VERSION:8\n' +
    `#EXT-X-TARGETDURATION:${TARGET_DURATION / 1000}\n` +
    `#EXT-X-MEDIA-SEQUENCE:${number}\n` +
    `#EXT-X-DISCONTINUITY-SEQUENCE:${epoch}\n`
  );
}
