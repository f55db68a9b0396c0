import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Routes } from '../address/address.ts';
import { FakeServer } from '../testing/fake-server.ts';
import { StreamFactsState } from './stream-facts.svelte.ts';

describe('the facts beside the picture', () => {
  let server: FakeServer;
  let about: StreamFactsState;
  let end: () => void;

  /** Waits for an answer that is on its way, while the clock stands. */
  const told = async (viewers: number): Promise<void> => {
    while (about.facts?.viewers !== viewers) {
      await new Response('').text();
    }
  };

  beforeEach(() => {
    vi.useFakeTimers();
    server = new FakeServer();
    vi.stubGlobal('fetch', vi.fn(server.fetch));
    about = new StreamFactsState(new Routes('/'), 'cam');
    end = about.start();
  });

  afterEach(() => {
    end();
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it('tell of this viewer as soon as the server has counted them', async () => {
    await vi.advanceTimersByTimeAsync(1_000);
    await told(0);
    server.viewers = 1;
    await vi.advanceTimersByTimeAsync(2_000);
    await told(1);
  });

  it('are never older than five seconds', async () => {
    await vi.advanceTimersByTimeAsync(60_000);
    server.viewers = 7;
    await vi.advanceTimersByTimeAsync(5_000);
    await told(7);
  });

  it('are asked for at once when the page is seen again, and no more when it has ended', async () => {
    document.dispatchEvent(new Event('visibilitychange'));
    await vi.advanceTimersByTimeAsync(0);
    expect(fetch).toHaveBeenCalledTimes(1);
    end();
    document.dispatchEvent(new Event('visibilitychange'));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(fetch).toHaveBeenCalledTimes(1);
  });
});
