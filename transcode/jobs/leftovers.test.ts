import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Bus } from '#core/bus/bus.ts';
import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { broadcastId, type BroadcastId } from '#core/media/frame.ts';
import { millis } from '#core/media/time.ts';
import { Leftovers } from './leftovers.ts';
import { jobKey } from './taken-groups.ts';

const OVER = broadcastId('aaaaaaaaaaaa');
const ON = broadcastId('bbbbbbbbbbbb');
const AFTER = millis(60_000);
const RECORD = { epoch: 0, group: 7 };

describe('records of broadcasts that ended without a transcoder', () => {
  let bus: Bus;
  let open: Set<BroadcastId>;
  let leftovers: Leftovers;

  beforeEach(async () => {
    vi.useFakeTimers();
    bus = createLocalBus();
    open = new Set([ON]);
    leftovers = new Leftovers({ bus, isOpen: (broadcast) => open.has(broadcast), log: pino({ level: 'silent' }), after: AFTER });
    for (const broadcast of [OVER, ON]) {
      await bus.shared.put(jobKey(broadcast), RECORD, { fence: 0 });
      leftovers.recorded(broadcast, true);
    }
  });

  afterEach(async () => {
    leftovers.close();
    vi.useRealTimers();
    await bus.close();
  });

  it('go when nobody has heard of the broadcast for long, and those of others stay', async () => {
    await vi.advanceTimersByTimeAsync(AFTER);
    expect(await bus.shared.get(jobKey(OVER))).toEqual(RECORD);
    await vi.advanceTimersByTimeAsync(AFTER / 2);
    expect(await bus.shared.get(jobKey(OVER))).toBeUndefined();
    expect(await bus.shared.get(jobKey(ON))).toEqual(RECORD);
  });

  it('stay while somebody works on the broadcast, whatever is known of it here', async () => {
    const lease = await bus.lease(jobKey(OVER));
    await vi.advanceTimersByTimeAsync(3 * AFTER);
    expect(await bus.shared.get(jobKey(OVER))).toEqual(RECORD);
    lease.release();
    await vi.advanceTimersByTimeAsync(AFTER);
    expect(await bus.shared.get(jobKey(OVER))).toBeUndefined();
  });

  it('count from when the broadcast was last heard of', async () => {
    await vi.advanceTimersByTimeAsync(AFTER / 2);
    open.add(OVER);
    await vi.advanceTimersByTimeAsync(AFTER / 2);
    open.delete(OVER);
    await vi.advanceTimersByTimeAsync(AFTER);
    expect(await bus.shared.get(jobKey(OVER))).toEqual(RECORD);
  });
});
