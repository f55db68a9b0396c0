import { millisToTicks, millis, VIDEO_TIMESCALE, type Millis } from '#core/media/time.ts';
import type { TimedEvent } from '#core/media/timed-event.ts';

import { toldEvents } from '../rewind/event-tags.ts';

/** Sound may begin a group before the picture, and its messages are the picture's. */
const MARGIN = millis(2000);

/**
 * The messages that a manifest lists, in the order of the timeline: what is kept and what is in memory, each once. Those of what is listed, and of very many the newest: the
 * manifest is made anew for each group, and a broadcast may have megabytes of them. The segments carry all.
 *
 * @param from - Where the list of segments begins on the timeline.
 */
export function listedEvents(kept: readonly TimedEvent[], live: readonly TimedEvent[], from: Millis): readonly TimedEvent[] {
  const since = millisToTicks(millis(Math.max(0, from - MARGIN)), VIDEO_TIMESCALE);
  const merged = new Map([...toldEvents(kept, since), ...live].map((event) => [event.id, event]));
  return toldEvents([...merged.values()].sort((a, b) => a.pts - b.pts), since);
}
