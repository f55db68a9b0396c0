import type { BroadcastId } from '#core/media/frame.ts';
import type { Millis, WallTime } from '#core/media/time.ts';

/** The right to begin an epoch, and the numbers from which it starts. */
export type EpochGrant = {
  readonly broadcast: BroadcastId;
  readonly epoch: number;
  readonly fence: number;
  readonly firstGroup: number;
  /** End of everything given out in the broadcast before: nothing may have a dts below it. */
  readonly floor: Millis;
  readonly startedAt: WallTime;
};
