import { Events } from 'hls.js';
import type Hls from 'hls.js';
import type { DateRange, LevelDetails, MediaFragment, TimestampOffset } from 'hls.js';
import type { EngineListener } from '../engine.ts';
import { readRange, timeOf } from './range-message.ts';
import type { RangeAttributes } from './range-message.ts';

/** A place that has moved by less is the same, seconds. */
const still = 0.001;

/**
 * Tells of the messages in the playlists (EXT-X-DATERANGE), again where their place on the element's timeline moves: hls.js finds a playlist's
 * place more exactly once media are appended.
 */
export function tellDateRanges(hls: Hls, listener: EngineListener): void {
  const told = new Map<string, number>();
  let offsets: readonly (TimestampOffset | undefined)[] = [];
  const tell = (details: LevelDetails | null): void => {
    const ranges = Object.values(details?.dateRanges ?? {}).filter((range) => range !== undefined);
    if (details === null || (ranges.length === 0 && told.size === 0)) {
      return;
    }
    const known = new Set(told.keys());
    for (const range of ranges) {
      known.delete(range.id);
      const position = positionOf(range, details, offsets);
      const before = told.get(range.id);
      if (position === undefined || (before !== undefined && Math.abs(before - position) < still)) {
        continue;
      }
      const message = readRange(range.attr as unknown as RangeAttributes);
      if (message !== undefined) {
        told.set(range.id, position);
        listener.event({ message, place: { kind: 'position', position } });
      }
    }
    // What no playlist lists any more is the schedule's to remember.
    known.forEach((id) => told.delete(id));
  };
  hls.on(Events.LEVEL_UPDATED, (_event, { details }) => tell(details));
  hls.on(Events.INIT_PTS_FOUND, (_event, { timestampOffsets }) => {
    offsets = timestampOffsets;
    tell(hls.latestLevelDetails);
  });
}

/** By media time where it is told and hls.js knows what it subtracts, else by the date of the segment before. */
function positionOf(range: DateRange, details: LevelDetails, offsets: readonly (TimestampOffset | undefined)[]): number | undefined {
  const date = range.startDate.getTime();
  const holder = segmentAt(details, date);
  const time = timeOf(range.attr as unknown as RangeAttributes);
  const offset = holder === undefined ? undefined : offsets[holder.cc];
  if (time !== undefined && offset !== undefined) {
    return time - offset.baseTime / offset.timescale;
  }
  const position = holder === undefined || holder.programDateTime === null ? Number.NaN : holder.start + (date - holder.programDateTime) / 1_000;
  return Number.isFinite(position) ? position : undefined;
}

function segmentAt({ fragments, fragmentHint }: LevelDetails, date: number): MediaFragment | undefined {
  const segments = fragmentHint === undefined ? fragments : [...fragments, fragmentHint];
  const begins = ({ programDateTime }: MediaFragment): boolean => programDateTime !== null && programDateTime <= date;
  return segments.findLast(begins) ?? segments[0];
}
