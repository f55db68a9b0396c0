import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { BroadcastInfo } from '#core/bus/catalog.ts';
import { broadcastId } from '#core/media/frame.ts';
import { wallTime } from '#core/media/time.ts';

import { START } from '../timeline/testing/encoder.ts';
import { Cluster, Encoder, run } from './testing/machines.ts';

let cluster: Cluster;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'], now: START });
  cluster = new Cluster();
});
afterEach(async () => {
  await cluster.close();
  vi.useRealTimers();
});

/** What a process says that was cut off until others had forgotten the broadcast: under its old fence. */
const overtaken: BroadcastInfo = { stream: 'show', broadcast: broadcastId('longforgotten'), epoch: 3, state: 'live', startedAt: wallTime(START - 600_000), fence: 1 };

function statesOf(broadcast: string): string[] {
  return cluster.infos.filter((info) => info.broadcast === broadcast).map(({ state }) => state);
}

describe('a broadcast of a stream that has another one under a higher fence', () => {
  it('is ended by who looks after the stream, and the other one goes on', async () => {
    const machine = await cluster.machine();
    await cluster.machine();
    const encoder = new Encoder();
    await machine.admit(encoder);
    await run(4000, encoder);
    const [current = ''] = cluster.broadcasts;
    cluster.bus.announce(overtaken);
    await run(1100, encoder);
    expect(statesOf(overtaken.broadcast)).toEqual(['live', 'ended']);
    await run(3000, encoder);
    expect(statesOf(overtaken.broadcast)).toEqual(['live', 'ended']);
    expect(statesOf(current)).toEqual(['live']);
  });

  it('is ended too where it says that it began later, by a clock that was ahead', async () => {
    const machine = await cluster.machine();
    const encoder = new Encoder();
    await machine.admit(encoder);
    await run(4000, encoder);
    const [current = ''] = cluster.broadcasts;
    cluster.bus.announce({ ...overtaken, startedAt: wallTime(START + 600_000) });
    await run(2100, encoder);
    expect(statesOf(overtaken.broadcast)).toEqual(['live', 'ended']);
    expect(statesOf(current)).toEqual(['live']);
    // The other one is still known to those who would take it up.
    await cluster.machine();
    cluster.bus.announce({ ...overtaken, broadcast: broadcastId('forgottentoo'), startedAt: wallTime(START + 600_000) });
    await run(2100, encoder);
    machine.bus.kill();
    await run(5000);
    expect(statesOf(current)).toEqual(['live', 'interrupted']);
  });

  it('is ended where it is alone and nobody publishes: it has no numbers to go on with', async () => {
    await cluster.machine();
    cluster.bus.announce(overtaken);
    await run(2100);
    expect(statesOf(overtaken.broadcast)).toEqual(['live', 'ended']);
  });
});
