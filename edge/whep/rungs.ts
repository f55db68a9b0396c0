import type { LadderCatalog, Rendition } from '#core/bus/catalog.ts';
import type { TrackConfig } from '#core/media/track.ts';
import { formatFor } from '#core/rtc/sdp/match.ts';
import type { OfferedMedia } from '#core/rtc/sdp/session-offer.ts';
import type { PayloadTypes } from '#core/rtc/sender/media-sender.ts';

/** Bounds that a viewer sets to the automatic choice, in pixels. */
export type SizeBounds = { readonly maxWidth?: number; readonly maxHeight?: number };

/** Renditions of a ladder that may be sent over WebRTC, best first. */
export function webrtcRenditions(ladder: LadderCatalog | undefined, kind: 'video' | 'audio'): readonly Rendition[] {
  return (ladder?.renditions ?? []).filter(({ faces, config }) => config.kind === kind && faces.includes('webrtc'));
}

/** Those of them that fit an m-line of an offer. */
export function fittingRenditions(ladder: LadderCatalog | undefined, media: OfferedMedia): readonly Rendition[] {
  return media.kind === 'video' || media.kind === 'audio' ? webrtcRenditions(ladder, media.kind).filter(({ config }) => formatFor(media, config) !== undefined) : [];
}

/** Of some rungs those within bounds; the smallest where none is. */
export function withinBounds(rungs: readonly Rendition[], { maxWidth = Infinity, maxHeight = Infinity }: SizeBounds): readonly Rendition[] {
  const fitting = rungs.filter(({ config }) => config.kind !== 'video' || (config.width <= maxWidth && config.height <= maxHeight));
  return fitting.length > 0 ? fitting : rungs.slice(-1);
}

/** Finds the payload types of frames by their configuration; looks only when that changes. */
export class PayloadMap {
  readonly #media: OfferedMedia;
  #config: TrackConfig | undefined;
  #payload: PayloadTypes | undefined;

  constructor(media: OfferedMedia) {
    this.#media = media;
  }

  /** Payload types for a frame of this configuration; undefined where it was not negotiated. */
  of(config: TrackConfig): PayloadTypes | undefined {
    if (config !== this.#config) {
      const format = formatFor(this.#media, config);
      this.#config = config;
      this.#payload = format === undefined ? undefined : { type: format.payloadType, ...(format.rtxPayloadType === undefined ? {} : { rtxType: format.rtxPayloadType }) };
    }
    return this.#payload;
  }
}
