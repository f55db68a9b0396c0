import type { Frame } from '#core/media/frame.ts';
import { millis, VIDEO_TIMESCALE } from '#core/media/time.ts';

import type { Capture } from './capture.ts';

/** Who comes is told of messages on the frames of the last so long, as over HTTP. */
export const TOLD_BACK = millis(2000);

/** Messages kept of one rendition: ingest lets 20 through at once and 5 a second. */
const MAX_KEPT = 64;

/** A message as viewers are told of it. */
export type FeedEvent = {
  readonly id: string;
  readonly type: string;
  /** JSON, parsed once for all viewers. */
  readonly data: unknown;
  /** Seconds on the broadcast's timeline. */
  readonly time: number;
  /** When its frame left the camera, ISO 8601; absent while that is not known. */
  readonly wallTime?: string;
};

/** The messages on the frames of one rendition, the newest {@link MAX_KEPT} of them: they outlive their frames, which may be left out for a viewer. */
export class FeedEvents {
  #kept: { readonly at: number; readonly event: FeedEvent }[] = [];

  /** Takes the messages of a frame. A message whose JSON cannot be read is left out. */
  add({ pts, events }: Frame, capture: Capture | undefined): void {
    for (const { id, type, data, pts: at } of events ?? []) {
      const time = at / VIDEO_TIMESCALE;
      const read = parse(data);
      if (read !== undefined && !this.#kept.some(({ event }) => event.id === id)) {
        const wallTime = capture && new Date(Math.round(capture.wallTime + (time - capture.seconds) * 1000)).toISOString();
        this.#kept.push({ at: pts, event: { id, type, data: read, time, ...(wallTime === undefined ? {} : { wallTime }) } });
      }
    }
    this.#kept = this.#kept.length > MAX_KEPT ? this.#kept.slice(-MAX_KEPT) : this.#kept;
  }

  /** Those on frames with a presentation time after `after` and up to `upTo`. */
  between(after: number, upTo: number): readonly FeedEvent[] {
    return this.#kept.length === 0 ? [] : this.#kept.filter(({ at }) => at > after && at <= upTo).map(({ event }) => event);
  }
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data) as unknown;
  } catch {
    return undefined;
  }
}
