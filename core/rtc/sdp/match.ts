import type { TrackConfig } from '../../media/track.ts';
import type { OfferedCodec, OfferedMedia } from './session-offer.ts';

/** The offered format in which a track can be sent to this peer as it is, nearest profile first; undefined where none fits. */
export function formatFor(_media: OfferedMedia, _config: TrackConfig): OfferedCodec | undefined {
  throw new Error('not yet');
}

/** Formats that the server can receive, of those offered, in the offerer's order: H.264 (packetization-mode 1), VP8, VP9, AV1, Opus. */
export function receivableFormats(_media: OfferedMedia): readonly OfferedCodec[] {
  throw new Error('not yet');
}

/** The offered id of a header extension. */
export function extensionId(_media: OfferedMedia, _uri: string): number | undefined {
  throw new Error('not yet');
}
