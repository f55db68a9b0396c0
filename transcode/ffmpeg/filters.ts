import type { Grouping } from '#core/media/grouping.ts';
import { VIDEO_TIMESCALE, type Ticks } from '#core/media/time.ts';
import type { EncodedRung } from '../plan/encoded-rung.ts';

/**
 * Added before rounding seconds down: `pts * timebase` of a whole second may be a hair below it. Less than a tenth of a
 * tick, more than the error of a double at any pts.
 */
const EPSILON = '0.000001';

/** Filters from the decoded source to one rung's encoder. */
export function rungFilters(rung: EncodedRung, grouping: Grouping, from: Ticks): string[] {
  const { rate } = rung;
  return [
    // Rounded down, each source frame lands in the slot of its own second; so the slot on the second is always filled.
    ...(rate.constantRate === undefined ? [] : [`fps=fps=${rate.constantRate}:round=down`]),
    ...(from > 0 ? [`select='gte(t,${seconds(from)})'`] : []),
    ...(rate.divisor === 1 ? [] : [thinned(rate.divisor, grouping)]),
    // Also where the source has this size, for a browser's may change in mid-stream; pictures of the right size pass untouched.
    `scale=w=${rung.width}:h=${rung.height}:flags=bilinear`,
    'setsar=1',
  ];
}

/** Every `divisor`-th frame, counted anew at each frame that may start a group. `fps` or `-r` would lose those. */
function thinned(divisor: number, grouping: Grouping): string {
  const starts = grouping.mode === 'source' ? 'key' : `gt(floor(t+${EPSILON}),floor(prev_selected_t+${EPSILON}))`;
  // `prev_selected_t` is NaN before the first frame; `prev_selected_n` is 0 and would drop it.
  return `select='isnan(prev_selected_t)+${starts}+gte(n-prev_selected_n,${divisor})'`;
}

/**
 * The argument of `-force_key_frames`.
 *
 * @param first pts of the first frame that reaches this encoder: in an `expr:`, `t` counts from it even with `-copyts`.
 */
export function forcedKeyFrames(grouping: Grouping, first: Ticks): string {
  if (grouping.mode === 'source') {
    return 'source';
  }
  const phase = ((first % VIDEO_TIMESCALE) / VIDEO_TIMESCALE + Number(EPSILON)).toFixed(9);
  return `expr:isnan(prev_forced_t)+gt(floor(t+${phase}),floor(prev_forced_t+${phase}))`;
}

/** Seconds of a pts, half a tick early so that the frame itself is never missed. */
function seconds(pts: Ticks): string {
  return ((pts - 0.5) / VIDEO_TIMESCALE).toFixed(7);
}
