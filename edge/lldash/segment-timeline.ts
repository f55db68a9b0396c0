import type { ListedSegment } from './listing.ts';
import { element } from './xml.ts';

/** Writes a SegmentTimeline (ISO/IEC 23009-1, 5.3.9.6) of segments in a row: equal durations share an `S`. */
export function segmentTimeline(segments: readonly ListedSegment[]): string {
  const rows: string[] = [];
  let at = 0;
  while (at < segments.length) {
    const first = segments[at] as ListedSegment;
    let next = at + 1;
    while (segments[next]?.ticks === first.ticks) {
      next++;
    }
    const repeat = next - at - 1;
    rows.push(`<S${at === 0 ? ` t="${first.pts}"` : ''} d="${first.ticks}"${repeat > 0 ? ` r="${repeat}"` : ''}/>`);
    at = next;
  }
  return element('SegmentTimeline', {}, ...rows);
}
