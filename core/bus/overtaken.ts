import type { BroadcastInfo } from './catalog.ts';

/**
 * Tells whether a broadcast is of no account beside another one of its stream: it is announced under a lower fence, by who no longer looks after the stream (a process that was cut off
 * for minutes says so before it learns), or began earlier under the same.
 */
export function isOvertaken({ fence = 0, startedAt }: BroadcastInfo, other: BroadcastInfo): boolean {
  const otherFence = other.fence ?? 0;
  return fence < otherFence || (fence === otherFence && startedAt < other.startedAt);
}
