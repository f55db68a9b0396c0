import { readChunks } from '#core/media/containers/fmp4/read-chunks.ts';
import type { TrackConfig, VideoConfig } from '#core/media/track.ts';
import { MillraceError } from '#core/runtime/errors.ts';

/** A picture that can be decoded alone: an IDR picture of H.264, as `Frame.data` holds it, and what it is decoded with. */
export type KeyFrame = { readonly config: VideoConfig; readonly data: Uint8Array };

/** The frame at which a segment or part begins, where that is a key frame. A view of the bytes given. */
export function keyFrameOf(bytes: Uint8Array, config: TrackConfig | undefined): KeyFrame | undefined {
  // CMAF carries H.264 alone here: what else a broadcaster sends is encoded for it.
  if (config?.kind !== 'video' || config.codec !== 'h264') {
    return undefined;
  }
  try {
    const first = readChunks(bytes)[0]?.samples[0];
    return first?.key === true ? { config, data: first.data } : undefined;
  } catch (error) {
    // A segment that is damaged on disk has no picture to give.
    if (error instanceof MillraceError) {
      return undefined;
    }
    throw error;
  }
}
