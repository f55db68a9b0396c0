import Hls, { AudioStreamController } from 'hls.js';
import type { FragmentTracker, LevelDetails, MediaFragment } from 'hls.js';
import { snapToParts, unloadedAt } from './next-part.ts';

/** hls.js's loader of the picture, from its configuration: it is exported nowhere else. */
const StreamController = Hls.DefaultConfig.streamController;

/**
 * hls.js takes a segment for loaded when no more than 0.2 s of it are missing, so it may leave out the last part when that
 * is short: a few frames of sound at the end of a group. Then sound waits for seconds, and the picture with it. A segment whose next
 * part was not loaded is therefore forgotten, which makes hls.js load that part.
 *
 * @returns the position to go on from, in the playlist's time
 */
function findNext(tracker: FragmentTracker, position: number, details: LevelDetails): number {
  const parts = details.partList ?? [];
  const segments = details.fragmentHint === undefined ? details.fragments : [...details.fragments, details.fragmentHint];
  const starts = segments.slice(-4).map((segment) => segment.start);
  const from = snapToParts(position, parts, starts);
  const next = unloadedAt(from, parts);
  if (next !== undefined && String(tracker.getState(next.fragment)) === 'OK') {
    tracker.removeFragment(next.fragment);
  }
  return from;
}

/** hls.js's loader of the picture, which finishes what it began. */
export class PictureStreamController extends StreamController {
  protected override getNextFragment(position: number, details: LevelDetails): MediaFragment | null {
    return super.getNextFragment(findNext(this.fragmentTracker, position, details), details);
  }
}

/** hls.js's loader of sound, which finishes what it began. */
export class SoundStreamController extends AudioStreamController {
  protected override getNextFragment(position: number, details: LevelDetails): MediaFragment | null {
    return super.getNextFragment(findNext(this.fragmentTracker, position, details), details);
  }
}
