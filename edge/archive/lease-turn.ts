import type { Bus, Lease } from '#core/bus/bus.ts';
import type { BroadcastId } from '#core/media/frame.ts';
import { elapsed, millis, type Clock, type WallTime } from '#core/media/time.ts';

/** Whoever keeps a broadcast says so each second; after so long without a word nobody does. */
const SILENCE = millis(5000);

const LOOK_INTERVAL = millis(500);

/**
 * Waits for the right to keep a broadcast: of several edges one has it. An edge that keeps one is not disturbed: its word in the catalog tells of it.
 *
 * @returns undefined once `signal` is aborted, or the bus closed.
 */
export async function takeLease(bus: Bus, id: BroadcastId, clock: Clock, signal: AbortSignal): Promise<Lease | undefined> {
  let heard: WallTime | undefined;
  const stop = bus.onCatalog(id, 'archive', () => (heard = clock()));
  try {
    while (heard !== undefined && elapsed(heard, clock()) < SILENCE) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL).unref());
      if (signal.aborted) {
        return undefined;
      }
    }
  } finally {
    stop();
  }
  const lease = await bus.lease(`archive/${id}`).catch(() => undefined);
  if (signal.aborted) {
    lease?.release();
    return undefined;
  }
  return lease;
}
