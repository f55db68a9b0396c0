import { setTimeout } from 'node:timers/promises';

import type { Bus, Lease } from '#core/bus/bus.ts';
import type { BroadcastId } from '#core/media/frame.ts';
import { elapsed, millis, type Clock, type WallTime } from '#core/media/time.ts';

/** Whoever keeps a broadcast says so each second; after so long without a word nobody does. */
const SILENCE = millis(5000);

const LOOK_INTERVAL = millis(500);

/**
 * Waits for the right to keep a broadcast: of several edges one has it. An edge that keeps one is not disturbed: its word in the catalog tells of it.
 *
 * @returns undefined once waiting for the other edge was given up by `signal`, or the bus closed.
 */
export async function takeLease(bus: Bus, id: BroadcastId, clock: Clock, signal: AbortSignal): Promise<Lease | undefined> {
  let heard: WallTime | undefined;
  try {
    const stop = bus.onCatalog(id, 'archive', () => (heard = clock()));
    try {
      while (heard !== undefined && elapsed(heard, clock()) < SILENCE) {
        await setTimeout(LOOK_INTERVAL, undefined, { ref: false, signal });
      }
    } finally {
      stop();
    }
    return await bus.lease(`archive/${id}`);
  } catch {
    return undefined;
  }
}
