import { wallTime } from '#core/media/time.ts';
import type { WallTime } from '#core/media/time.ts';

/** An instant, and the RTP timestamps of what was before the camera and the microphone then: the server's event `clock`. */
export type ClockPoint = {
  readonly wall: WallTime;
  readonly video: number | undefined;
  readonly audio: number | undefined;
};

/** Ticks per millisecond (RFC 6184, 5.1; RFC 7587, 4.1). */
const rates = { video: 90, audio: 48 } as const;

/** When frames were before the camera, by their RTP timestamps. */
export class MediaClock {
  /** Undefined until the server has told it. */
  point: ClockPoint | undefined;

  /** When what has this RTP timestamp was captured; undefined where the server has not told. */
  capturedAt(kind: 'video' | 'audio', rtpTimestamp: number): WallTime | undefined {
    const origin = this.point?.[kind];
    if (this.point === undefined || origin === undefined) {
      return undefined;
    }
    // Timestamps wrap (32 bits): the nearer way round is meant, some hours to either side.
    const ticks = (rtpTimestamp - origin) | 0;
    return wallTime(this.point.wall + ticks / rates[kind]);
  }
}

/** Reads the data of the event `clock`; undefined for what is none. */
export function readClock(data: unknown): ClockPoint | undefined {
  if (typeof data !== 'object' || data === null) {
    return undefined;
  }
  const { wall, video, audio } = data as Record<string, unknown>;
  const ticks = (value: unknown): number | undefined => (typeof value === 'number' && Number.isFinite(value) ? value : undefined);
  return typeof wall === 'number' && Number.isFinite(wall) ? { wall: wallTime(wall), video: ticks(video), audio: ticks(audio) } : undefined;
}
