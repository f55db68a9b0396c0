import { startBehind } from './config.ts';

/** Elements stand up to a quarter of a second before a hole, where sound is longer than the picture. Seconds. */
const before = 0.4;

/** What begins behind a hole is enough once who begins anew begins in it, and not in the hole: dash.js 5.2 would wait there for ever. Seconds. */
const enough = startBehind + 0.4;

/** Media that are there, as a media element tells it. */
export type Ranges = Pick<TimeRanges, 'length' | 'start' | 'end'>;

/**
 * Tells whether a playhead that stands does so before a hole, as a publisher leaves it that drops and returns, with something to play behind it. dash.js
 * 5.2 waits before a hole for as long as the hole is, which who has stood through it need not; and where it is told to seek over it, it loses a part of
 * the segment that is coming in.
 */
export function standsBeforeHole(buffered: Ranges, position: number): boolean {
  let held = position;
  for (let i = 0; i < buffered.length; i += 1) {
    const start = buffered.start(i);
    if (start <= position) {
      held = Math.max(held, buffered.end(i));
    } else {
      return held - position <= before && buffered.end(buffered.length - 1) - start >= enough;
    }
  }
  return false;
}
