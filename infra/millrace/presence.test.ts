import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { NodeInfo } from '#core/bus/node.ts';
import { wallTime } from '#core/media/time.ts';

import { Presence } from './presence.ts';

describe('the presence of a process', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is told at once, each second, and at once when it drains', async () => {
    const told: NodeInfo[] = [];
    let viewers = 0;
    const presence = new Presence({
      bus: { present: (info) => told.push(info) },
      node: 'edge-1',
      roles: ['edge'],
      version: '1',
      region: 'eu',
      url: 'http://edge-1:8080',
      loads: { edge: () => ({ viewers: { hls: viewers, dash: 0, webrtc: 0 }, load: 0.5, whep: true, archive: false }) },
      clock: () => wallTime(1000),
    });
    expect(told).toEqual([
      {
        node: 'edge-1', roles: ['edge'], version: '1', startedAt: 1000, region: 'eu', url: 'http://edge-1:8080', draining: false,
        edge: { viewers: { hls: 0, dash: 0, webrtc: 0 }, load: 0.5, whep: true, archive: false },
      },
    ]);
    viewers = 3;
    vi.advanceTimersByTime(1000);
    expect(told.at(-1)?.edge?.viewers.hls).toBe(3);
    presence.drain();
    expect(told.at(-1)?.draining).toBe(true);
    await presence.close();
    const before = told.length;
    vi.advanceTimersByTime(5000);
    expect(told.length).toBe(before);
  });
});
