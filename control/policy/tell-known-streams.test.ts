import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { millis } from '#core/media/time.ts';

import { memoryLog } from '../testing/memory-log.ts';
import { tellKnownStreams } from './tell-known-streams.ts';

describe('telling others which streams are known', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function telling(streams: string[]) {
    const bus = createLocalBus();
    const { log, text } = memoryLog();
    const told = tellKnownStreams({ bus, log, streams: () => streams, interval: millis(1000) });
    return { bus, told, logged: text, value: () => bus.shared.get('streams/known') };
  }

  it('writes what changed, each time', async () => {
    const streams = ['cam1'];
    const { told, value } = telling(streams);
    told.changed();
    streams.push('cam2');
    told.changed();
    await vi.advanceTimersByTimeAsync(0);
    expect(await value()).toEqual(['cam1', 'cam2']);
    told.close();
  });

  it('writes it anew where it was lost, and leaves what another wrote', async () => {
    const { bus, told, value } = telling(['cam1']);
    told.changed();
    await vi.advanceTimersByTimeAsync(0);
    await bus.shared.put('streams/known', ['of-another']);
    await vi.advanceTimersByTimeAsync(5000);
    expect(await value()).toEqual(['of-another']);
    await bus.shared.delete('streams/known');
    await vi.advanceTimersByTimeAsync(1000);
    expect(await value()).toEqual(['cam1']);
    told.close();
  });

  it('tries again where it could not be written', async () => {
    const { bus, told, value } = telling(['cam1']);
    const put = vi.spyOn(bus.shared, 'put').mockRejectedValueOnce(new Error('away'));
    told.changed();
    await vi.advanceTimersByTimeAsync(0);
    expect(await value()).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1000);
    expect(await value()).toEqual(['cam1']);
    expect(put).toHaveBeenCalledTimes(2);
    told.close();
    await bus.shared.delete('streams/known');
    await vi.advanceTimersByTimeAsync(5000);
    expect(await value()).toBeUndefined();
  });

  it('tells as many as fit, and says that there are more', async () => {
    const { told, value, logged } = telling(Array.from({ length: 2_000 }, (_, index) => `stream-${index}`.padEnd(60, 'x')));
    told.changed();
    await vi.advanceTimersByTimeAsync(0);
    const text = JSON.stringify(await value());
    expect(text.length).toBeGreaterThan(50_000);
    expect(text.length).toBeLessThan(64 * 1_024);
    expect(logged()).toContain('more streams than other processes can be told of');
    told.close();
  });
});
