import type { TrackName } from '#core/media/track.ts';

import type { ArchivedBroadcast, ArchivedTrack } from '../archive/archive.ts';
import { Payload, playlistPayload } from '../http/payload.ts';
import { multivariantPlaylist } from '../llhls/multivariant-playlist.ts';
import { TARGET_DURATION } from '../llhls/window-segment.ts';
import { EventTags } from '../rewind/event-tags.ts';
import { packBlock, PackedPlaylist, type PackedBlock } from '../rewind/packed-playlist.ts';
import { SegmentBlocks } from '../rewind/segment-blocks.ts';
import { Timeline } from '../rewind/timeline.ts';
import { recordedRenditions } from './renditions.ts';
import { staticMpd } from './static-mpd.ts';

type Made = { readonly state: string; readonly payload: Payload };

/** Manifests of recordings, made once per state: for ever of one that is finished. */
export class VodManifests {
  readonly #known = new WeakMap<ArchivedBroadcast, Map<string, Made>>();
  readonly #open = new WeakMap<ArchivedBroadcast, OpenLists>();

  /** The multivariant playlist; undefined where nothing can be played. */
  master(broadcast: ArchivedBroadcast): Payload | undefined {
    return this.#once(broadcast, 'master', stateOf(broadcast), () => {
      const renditions = recordedRenditions(broadcast);
      return renditions.length === 0 ? undefined : playlistPayload(multivariantPlaylist(broadcast.facts.id, renditions, false, { uriOf: (track) => `${track}/index.m3u8` }));
    });
  }

  /**
   * The media playlist of a track: all of it with EXT-X-ENDLIST; while the recording goes on an EVENT playlist, of which nothing is ever removed. Undefined where the
   * track has nothing.
   */
  media(broadcast: ArchivedBroadcast, name: TrackName): Payload | undefined {
    const track = broadcast.tracks.get(name);
    const first = track?.segments[0];
    if (track === undefined || first === undefined) {
      return undefined;
    }
    return this.#once(broadcast, `media ${name}`, stateOf(broadcast), () => {
      const isOpen = broadcast.facts.state === 'open';
      const lists = isOpen ? (this.#open.get(broadcast) ?? new OpenLists(broadcast)) : new OpenLists(broadcast);
      if (isOpen) {
        this.#open.set(broadcast, lists);
      }
      const { number, blocks } = lists.of(track);
      const tags = new EventTags(broadcast).since(0);
      const listed = [packBlock(header(number, first.epoch, isOpen)), ...(tags === undefined ? [] : [tags]), ...blocks];
      return new PackedPlaylist(isOpen ? listed : [...listed, packBlock('#EXT-X-ENDLIST\n')]);
    });
  }

  /** The DASH manifest of a recording that is finished; undefined where nothing can be played. */
  mpd(broadcast: ArchivedBroadcast): Payload | undefined {
    return this.#once(broadcast, 'mpd', stateOf(broadcast), () => {
      const text = staticMpd(broadcast);
      return text === undefined ? undefined : new Payload(Buffer.from(text), { contentType: 'application/dash+xml', compress: true });
    });
  }

  #once(broadcast: ArchivedBroadcast, name: string, state: string, make: () => Payload | undefined): Payload | undefined {
    let known = this.#known.get(broadcast);
    if (known === undefined) {
      known = new Map();
      this.#known.set(broadcast, known);
    }
    const made = known.get(name);
    if (made?.state === state) {
      return made.payload;
    }
    const payload = make();
    if (payload !== undefined) {
      known.set(name, { state, payload });
    }
    return payload;
  }
}

/** What was made for the playlists of a recording while it goes on: the next ones are made from it. */
class OpenLists {
  readonly #timeline: Timeline;
  readonly #blocks = new Map<ArchivedTrack, SegmentBlocks>();

  constructor({ tracks }: ArchivedBroadcast) {
    this.#timeline = new Timeline(tracks, 'zero');
  }

  /** All segments of a track, and the number of the first one. */
  of(track: ArchivedTrack): { readonly number: number; readonly blocks: readonly PackedBlock[] } {
    this.#timeline.update();
    let blocks = this.#blocks.get(track);
    if (blocks === undefined) {
      blocks = new SegmentBlocks(track, this.#timeline);
      this.#blocks.set(track, blocks);
    }
    const [first] = track.segments;
    return { number: first === undefined ? 0 : this.#timeline.numberOf(first), blocks: blocks.list(0) };
  }
}

/** Differs wherever something was added. */
function stateOf({ facts, tracks, events, ladder }: ArchivedBroadcast): string {
  return `${facts.state} ${[...tracks.values()].map(({ segments }) => segments.at(-1)?.group).join(' ')} ${events.length} ${ladder?.revision}`;
}

function header(number: number, epoch: number, isOpen: boolean): string {
  return (
    '#EXTM3U\n' +
    // 8: EXT-X-GAP.
    '#EXT-X-VERSION:8\n' +
    `#EXT-X-TARGETDURATION:${TARGET_DURATION / 1000}\n` +
    `#EXT-X-MEDIA-SEQUENCE:${number}\n` +
    `#EXT-X-DISCONTINUITY-SEQUENCE:${epoch}\n` +
    `#EXT-X-PLAYLIST-TYPE:${isOpen ? 'EVENT' : 'VOD'}\n`
  );
}
