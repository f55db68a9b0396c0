import { millis, type Millis } from '#core/media/time.ts';
import type { SenderStats } from '#core/rtc/sender/media-sender.ts';

import type { ClockPoint } from './sender-output.ts';

/** What a path carries, as a viewer's player is told of it: bits per second, milliseconds, and a share from 0 to 1. */
export type Estimate = { readonly bitrate: number; readonly rtt?: Millis; readonly loss: number };

/** The clock is told again when it is off by more than this many milliseconds, and once a minute: timestamps wrap. */
const CLOCK_ERROR = 3;
const CLOCK_INTERVAL = millis(60_000);

/** An estimate is told once a second at most, when it changed by more than this share. */
const ESTIMATE_INTERVAL = millis(1000);
const ESTIMATE_CHANGE = 0.05;

/** Decides what is worth telling a viewer's player: changes that matter, seldom enough. */
export class ViewerReports {
  #clock: { readonly point: ClockPoint; readonly at: Millis } | undefined;
  #estimate: { readonly bitrate: number; readonly at: Millis } | undefined;

  /** The point, where it is to be told. */
  clock(point: ClockPoint, now: Millis): ClockPoint | undefined {
    const told = this.#clock;
    if (told !== undefined && now - told.at < CLOCK_INTERVAL && Math.abs(drift(told.point, point)) <= CLOCK_ERROR) {
      return undefined;
    }
    this.#clock = { point, at: now };
    return point;
  }

  /** The estimate, where it is to be told. */
  estimate({ estimate, rtt, loss }: SenderStats, now: Millis): Estimate | undefined {
    const told = this.#estimate;
    if (told !== undefined && (now - told.at < ESTIMATE_INTERVAL || Math.abs(estimate - told.bitrate) <= ESTIMATE_CHANGE * told.bitrate)) {
      return undefined;
    }
    this.#estimate = { bitrate: estimate, at: now };
    return { bitrate: Math.round(estimate), ...(rtt === undefined ? {} : { rtt: millis(Math.round(rtt)) }), loss: Math.round(loss * 1000) / 1000 };
  }
}

/** By how many milliseconds a later point disagrees with an earlier one. */
function drift(a: ClockPoint, b: ClockPoint): number {
  const [from, to, rate] = a.video === undefined || b.video === undefined ? [a.audio ?? 0, b.audio ?? 0, 48] : [a.video, b.video, 90];
  // The difference of 32-bit timestamps, the nearer way round.
  return b.wall - a.wall - ((to - from) | 0) / rate;
}
