import type { TrackName } from '#core/media/track.ts';

import type { ArchivedBroadcast, ArchivedTrack } from '../archive/archive.ts';
import { Payload, playlistPayload } from '../http/payload.ts';
import { multivariantPlaylist } from '../llhls/multivariant-playlist.ts';
import { TARGET_DURATION } from '../llhls/window-segment.ts';
import { EventTags } from '../rewind/event-tags.ts';
import { packBlock, PackedPlaylist } from '../rewind/packed-playlist.ts';
import { SegmentBlocks } from '../rewind/segment-blocks.ts';
import { recordedRenditions } from './renditions.ts';
import { staticMpd } from './static-mpd.ts';

type Made = { readonly state: string; readonly payload: Payload };

/** Manifests of recordings, made once per state: for ever of one that is finished. */
export class VodManifests {
  readonly #known = new WeakMap<ArchivedBroadcast, Map<string, Made>>();
  readonly #blocks = new WeakMap<ArchivedTrack, SegmentBlocks>();

  /** The multivariant playlist; undefined where nothing can be played. */
  master(broadcast: ArchivedBroadcast): Payload | undefined {
    return this.#once(broadcast, 'master', stateOf(broadcast), () => {
      const renditions = recordedRenditions(broadcast);
      return renditions.length === 0 ? undefined : playlistPayload(multivariantPlaylist(broadcast.facts.id, renditions, false, (track) => `${track}/index.m3u8`));
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
      let blocks = this.#blocks.get(track);
      if (blocks === undefined) {
        blocks = new SegmentBlocks();
        this.#blocks.set(track, blocks);
      }
      const tags = new EventTags(broadcast).since(0);
      const listed = [packBlock(header(first.epoch, isOpen)), ...(tags === undefined ? [] : [tags]), ...blocks.list(track.segments, 0)];
      if (!isOpen) {
        this.#blocks.delete(track);
      }
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

/** Differs wherever something was added. */
function stateOf({ facts, tracks, events, ladder }: ArchivedBroadcast): string {
  return `${facts.state} ${[...tracks.values()].map(({ segments }) => segments.at(-1)?.group).join(' ')} ${events.length} ${ladder?.revision}`;
}

function header(epoch: number, isOpen: boolean): string {
  return (
    '#EXTM3U\n' +
    // 8: EXT-X-GAP.
    '#EXT-X-VERSION:8\n' +
    `#EXT-X-TARGETDURATION:${TARGET_DURATION / 1000}\n` +
    '#EXT-X-MEDIA-SEQUENCE:0\n' +
    `#EXT-X-DISCONTINUITY-SEQUENCE:${epoch}\n` +
    `#EXT-X-PLAYLIST-TYPE:${isOpen ? 'EVENT' : 'VOD'}\n`
  );
}
