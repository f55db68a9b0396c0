import { Events } from 'hls.js';
import type Hls from 'hls.js';
import type { DateRange, LevelDetails, MediaFragment, TimestampOffset } from 'hls.js';
import { parseJson, readMessage } from '../../events/timed-message.ts';
import type { TimedMessage } from '../../events/timed-message.ts';
import type { EngineListener } from '../engine.ts';

/** Scheme of our messages (ADR 0011). */
const eventScheme = 'urn:millrace:event:2026';

/** A place that has moved by less is the same, seconds. */
const still = 0.001;

/** Attributes of an EXT-X-DATERANGE, as hls.js reads them: without quotes. */
export type RangeAttributes = Readonly<Record<string, string | undefined>>;

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

/** Reads a message from the attributes of its tag; undefined where it is none of ours. */
export function readRange(attributes: RangeAttributes): TimedMessage | undefined {
  const { ID: id, CLASS: scheme, 'START-DATE': wallTime, 'X-TYPE': type, 'X-DATA': data } = attributes;
  if (scheme !== eventScheme || data === undefined) {
    return undefined;
  }
  return readMessage({ id, type, data: parseJson(decodeBase64Url(data)), time: timeOf(attributes), wallTime });
}

/** Media time, where the tag tells it: seconds on the broadcast's timeline. */
function timeOf({ 'X-TIME': time }: RangeAttributes): number | undefined {
  return time === undefined || !(Number(time) >= 0) ? undefined : Number(time);
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

function decodeBase64Url(text: string): string {
  try {
    const bytes = Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0));
    return new TextDecoder().decode(bytes);
  } catch {
    return '';
  }
}
