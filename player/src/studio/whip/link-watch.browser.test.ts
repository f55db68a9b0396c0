import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LinkWatch } from './link-watch.ts';
import type { WhipSession } from './whip-session.ts';

/** A session of which the test says what its statistics and its server say. */
class FakeSession {
  heard = 0;
  /** So much is heard more at each look. */
  flow = 100;
  readonly restart = vi.fn(() => Promise.resolve());
  readonly peer = Object.assign(new EventTarget(), {
    iceConnectionState: 'connected',
    connectionState: 'connected',
    getSenders: () => [],
    getStats: () => {
      this.heard += this.flow;
      return Promise.resolve(new Map([['P', { id: 'P', type: 'candidate-pair', timestamp: 1, bytesReceived: this.heard }]]));
    },
  });
}

describe('the watch over a session', () => {
  let session: FakeSession;
  let said: string[];
  let watch: LinkWatch;

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
    session = new FakeSession();
    said = [];
    watch = new LinkWatch({ session: session as unknown as WhipSession, troubled: () => said.push('troubled'), recovered: () => said.push('recovered'), sampled: () => undefined });
    void watch.lost.then(() => said.push('lost'));
  });

  afterEach(() => {
    watch.close();
    vi.useRealTimers();
  });

  it('leaves a session alone that hears its server', async () => {
    await vi.advanceTimersByTimeAsync(10_000);
    expect([said, session.restart.mock.calls.length]).toEqual([[], 0]);
  });

  it('restarts ICE after two seconds of silence, and goes on when something comes again', async () => {
    session.flow = 0;
    session.restart.mockImplementation(() => {
      session.flow = 100;
      return Promise.resolve();
    });
    await vi.advanceTimersByTimeAsync(4_000);
    expect(said).toEqual(['troubled', 'recovered']);
    expect(session.restart).toHaveBeenCalledTimes(1);
  });

  it('gives the session up when a restart brings nothing', async () => {
    session.flow = 0;
    await vi.advanceTimersByTimeAsync(8_000);
    expect(said).toEqual(['troubled', 'lost']);
  });

  it('gives it up at once when the server has forgotten it', async () => {
    session.flow = 0;
    session.restart.mockRejectedValue(new Error('HTTP 404'));
    await vi.advanceTimersByTimeAsync(3_000);
    expect([said, session.restart.mock.calls.length]).toEqual([['troubled', 'lost'], 1]);
  });

  it('asks again while the network is away', async () => {
    session.flow = 0;
    session.restart.mockRejectedValueOnce(new TypeError('Failed to fetch')).mockImplementation(() => {
      session.flow = 100;
      return Promise.resolve();
    });
    await vi.advanceTimersByTimeAsync(4_000);
    expect([said, session.restart.mock.calls.length]).toEqual([['troubled', 'recovered'], 2]);
  });

  it('does not wait two seconds when the network has changed, but leaves a live path alone', async () => {
    await vi.advanceTimersByTimeAsync(1_000);
    dispatchEvent(new Event('online'));
    await vi.advanceTimersByTimeAsync(0);
    expect(session.restart).not.toHaveBeenCalled();
    session.flow = 0;
    await vi.advanceTimersByTimeAsync(1_000);
    dispatchEvent(new Event('online'));
    await vi.advanceTimersByTimeAsync(0);
    expect(session.restart).toHaveBeenCalledTimes(1);
  });

  it('is over when the connection is', async () => {
    session.peer.connectionState = 'failed';
    session.peer.dispatchEvent(new Event('connectionstatechange'));
    await vi.advanceTimersByTimeAsync(0);
    expect(said).toEqual(['lost']);
  });
});
