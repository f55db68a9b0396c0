import { setTimeout } from 'node:timers/promises';

import type { Bus, Lease } from '#core/bus/bus.ts';
import type { BroadcastId } from '#core/media/frame.ts';
import { millis } from '#core/media/time.ts';

const LOOK_INTERVAL = millis(500);

/**
 * Waits for the right to keep a broadcast: of several edges one has it, for as long as it lives. A bus that cannot tell now is asked again.
 *
 * @returns undefined once waiting was given up by `signal`.
 */
export async function takeLease(bus: Bus, id: BroadcastId, signal: AbortSignal): Promise<Lease | undefined> {
  while (!signal.aborted) {
    const lease = await bus.tryLease(`archive/${id}`).catch(() => undefined);
    if (lease !== undefined) {
      return lease;
    }
    await setTimeout(LOOK_INTERVAL, undefined, { ref: false, signal }).catch(() => undefined);
  }
  return undefined;
}
