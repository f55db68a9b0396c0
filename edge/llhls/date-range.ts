import { later, rescale, subTicks, ticksToMillis, VIDEO_TIMESCALE, wallTime, type Ticks, type Timescale, type WallTime } from '#core/media/time.ts';
import { EVENT_SCHEME, type TimedEvent } from '#core/media/timed-event.ts';

/**
 * The instant of a message: on the clock of the segment that has it, as PROGRAM-DATE-TIME tells it, so that who adds the
 * difference to where the segment lies in its player finds the frame.
 */
export function eventTime(event: Pick<TimedEvent, 'pts'>, segment: { readonly pts: Ticks; readonly timescale: Timescale; readonly wallTime: WallTime }): WallTime {
  const passed = subTicks(event.pts, rescale(segment.pts, segment.timescale, VIDEO_TIMESCALE));
  return later(wallTime(Math.round(segment.wallTime)), ticksToMillis(passed, VIDEO_TIMESCALE));
}

/**
 * EXT-X-DATERANGE of a message (rfc8216bis, 4.4.5.1), with the line's end. "A single instant in time ... SHOULD be represented with a
 * duration of 0." The data is base64url: a quoted string can hold neither a quote nor a line's end. X-TIME is the time on the broadcast's timeline in seconds:
 * dates have milliseconds, and are the first frame's in decoding order for some readers.
 */
export function dateRange({ id, type, data, pts }: TimedEvent, at: WallTime): string {
  const start = new Date(Math.round(at)).toISOString();
  const encoded = new TextEncoder().encode(data).toBase64({ alphabet: 'base64url', omitPadding: true });
  return `#EXT-X-DATERANGE:ID="${id}",CLASS="${EVENT_SCHEME}",START-DATE="${start}",DURATION=0,X-TIME=${(pts / VIDEO_TIMESCALE).toFixed(6)},X-TYPE="${type}",X-DATA="${encoded}"\n`;
}
