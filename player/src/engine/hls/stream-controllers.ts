import Hls, { AudioStreamController } from 'hls.js';
import type { ElementaryStreamTypes, FragmentTracker, LevelDetails, MediaFragment } from 'hls.js';
import { snapToParts, unloadedAt } from './next-part.ts';

/** hls.js's loader of the picture, from its configuration: it is exported nowhere else. */
const StreamController = Hls.DefaultConfig.streamController;

/** Puts a position behind a boundary, so that rounding does not leave it before it. Seconds. */
const behind = 0.000_001;

/**
 * hls.js takes a segment for loaded when no more than 0.2 s of it are missing, so it may leave out the last part when that
 * is short: a few frames of sound at the end of a group. Then sound waits for seconds, and the picture with it. A segment whose next
 * part was not loaded is therefore forgotten, which makes hls.js load that part; and a part that the buffer holds is
 * marked as loaded, where hls.js missed it.
 *
 * @returns the position to go on from, in the playlist's time
 */
function findNext(tracker: FragmentTracker, position: number, details: LevelDetails, kind: 'audio' | 'video'): number {
  const parts = details.partList ?? [];
  const segments = details.fragmentHint === undefined ? details.fragments : [...details.fragments, details.fragmentHint];
  const from = snapToParts(position, parts, segments.slice(-4).map((segment) => segment.start));
  const next = unloadedAt(from, parts);
  if (next !== undefined && String(tracker.getState(next.fragment)) === 'OK') {
    tracker.removeFragment(next.fragment);
  }
  if (from === position) {
    return position;
  }
  const held = parts.find((part) => part.end === from && !part.loaded);
  if (held !== undefined) {
    const { start, end } = held;
    held.elementaryStreams[kind as ElementaryStreamTypes] = { startPTS: start, endPTS: end, startDTS: start, endDTS: end };
  }
  return from + behind;
}

/** hls.js's loader of the picture, which finishes what it began. */
export class PictureStreamController extends StreamController {
  protected override getNextFragment(position: number, details: LevelDetails): MediaFragment | null {
    return super.getNextFragment(findNext(this.fragmentTracker, position, details, 'video'), details);
  }
}

/** hls.js's loader of sound, which finishes what it began. */
export class SoundStreamController extends AudioStreamController {
  protected override getNextFragment(position: number, details: LevelDetails): MediaFragment | null {
    return super.getNextFragment(findNext(this.fragmentTracker, position, details, 'audio'), details);
  }
}
