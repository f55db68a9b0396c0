import type { TrackName } from '#core/media/track.ts';

import type { BroadcastWindow } from '../../llhls/broadcast-window.ts';
import type { TrackWindow } from '../../llhls/track-window.ts';
import { keyFrameOf, type KeyFrame } from '../key-frame.ts';

/** A key frame of a rendition, and what tells it from every other. */
export type FoundKeyFrame = { readonly frame: KeyFrame; readonly track: TrackName; readonly group: number };

/** The renditions with a picture that CMAF carries, best first. */
export function pictureTracks(window: BroadcastWindow): TrackName[] {
  return (window.ladder?.renditions ?? []).filter(({ faces, config }) => faces.includes('hls') && config.kind === 'video').map(({ track }) => track);
}

/** The newest frame at which a listed segment of a rendition begins and that can be decoded alone; undefined while there is none. */
export function newestKeyFrame(window: BroadcastWindow, track: TrackName): FoundKeyFrame | undefined {
  const rendition = window.renditions.get(track)?.window;
  return rendition === undefined ? undefined : newestOf(rendition);
}

function newestOf({ listed, newestInit, track }: TrackWindow): FoundKeyFrame | undefined {
  for (const segment of listed.toReversed()) {
    const part = segment.parts[0];
    if (newestInit === undefined || segment.config !== newestInit.config) {
      return undefined;
    }
    const frame = part?.media === undefined || !part.independent ? undefined : keyFrameOf(part.media.bytes, newestInit.trackConfig);
    if (frame !== undefined) {
      return { frame, track, group: segment.group };
    }
  }
  return undefined;
}
