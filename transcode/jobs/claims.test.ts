import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import type { Bus, Lease } from '#core/bus/bus.ts';
import type { BroadcastInfo } from '#core/bus/catalog.ts';
import { createLocalBus } from '#core/bus/local/local-bus.ts';
import type { NodeId, NodeInfo } from '#core/bus/node.ts';
import { broadcastId, type BroadcastId } from '#core/media/frame.ts';
import { millis, wallTime, type Millis } from '#core/media/time.ts';
import { MillraceError } from '#core/runtime/errors.ts';
import { Claims, type Job } from './claims.ts';
import { jobKey, type TakenGroups } from './taken-groups.ts';

const A = broadcastId('aaaaaaaaaaaa');
const B = broadcastId('bbbbbbbbbbbb');
const log = pino({ level: 'silent' });

/** A transcoder that only takes. */
class Taker {
  readonly claims: Claims;
  readonly taken: { readonly broadcast: BroadcastId; readonly lease: Lease; readonly before: TakenGroups | undefined; readonly states: string[]; end(): void }[] = [];
  delay: Millis;
  /** Told of processes that are gone. */
  gone: (node: NodeId) => void = () => undefined;

  constructor(bus: Bus, node: string, delay = millis(0)) {
    this.delay = delay;
    this.claims = new Claims({
      bus: {
        onBroadcast: (listener) => bus.onBroadcast(listener),
        onNode: (listener: (node: NodeId, info: NodeInfo | undefined) => void) => {
          this.gone = (other) => listener(other, undefined);
          return () => undefined;
        },
        tryLease: (resource) => bus.tryLease(resource),
        shared: bus.shared,
      },
      node,
      delay: () => this.delay,
      take: (info, lease, before) => this.#take(info, lease, before),
      log,
    });
  }

  get broadcasts(): readonly BroadcastId[] {
    return this.taken.map(({ broadcast }) => broadcast);
  }

  #take({ broadcast }: BroadcastInfo, lease: Lease, before: TakenGroups | undefined): Job {
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    const states: string[] = [];
    const end = (): void => {
      lease.release();
      resolve();
    };
    this.taken.push({ broadcast, lease, before, states, end });
    return { closed, changed: ({ state }) => states.push(state) };
  }
}

let bus: Bus;
const takers: Taker[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  bus = createLocalBus();
});

afterEach(async () => {
  takers.splice(0).forEach(({ claims }) => claims.close());
  await bus.close();
  vi.useRealTimers();
});

const taker = (node: string, delay = 0): Taker => {
  const made = new Taker(bus, node, millis(delay));
  takers.push(made);
  return made;
};
const announce = (broadcast: BroadcastId, state: BroadcastInfo['state'] = 'live'): void => bus.announce({ stream: 'cam', broadcast, epoch: 0, state, startedAt: wallTime(0) });
const pass = (time: number): Promise<unknown> => vi.advanceTimersByTimeAsync(time);

test('one that is alone takes at once', async () => {
  const only = taker('a');
  announce(A);
  await pass(0);
  expect(only.broadcasts).toEqual([A]);
  announce(A, 'interrupted');
  expect(only.taken[0]?.states).toEqual(['live', 'interrupted']);
});

test('the one with most room takes, whoever hears of it first', async () => {
  const [full, empty] = [taker('full', 200), taker('empty')];
  announce(A);
  await pass(5000);
  expect([full.broadcasts, empty.broadcasts]).toEqual([[], [A]]);
});

test('a full one takes where nobody else does', async () => {
  const full = taker('full', 300);
  announce(A);
  await pass(299);
  expect(full.broadcasts).toEqual([]);
  await pass(1);
  expect(full.broadcasts).toEqual([A]);
});

test('what comes at once is taken one after the other, each with the ones before in account', async () => {
  const [first, second] = [taker('first'), taker('second')];
  announce(A);
  first.delay = millis(100);
  announce(B);
  await pass(1000);
  expect([first.broadcasts, second.broadcasts]).toEqual([[A], [B]]);
});

describe('a broadcast that is free again', () => {
  test('is taken within 300 ms, with what the one before left', async () => {
    const [first, second] = [taker('first'), taker('second', 10)];
    announce(A);
    await pass(20);
    await bus.shared.put(jobKey(A), { epoch: 0, group: 12 });
    first.claims.stop();
    first.taken[0]?.end();
    await pass(310);
    expect(second.taken[0]).toMatchObject({ broadcast: A, before: { epoch: 0, group: 12 } });
    expect(second.taken[0]?.lease.fence).toBeGreaterThan(first.taken[0]?.lease.fence ?? Infinity);
  });

  test('is taken with what was heard where the store has lost it', async () => {
    const [first, second] = [taker('first'), taker('second', 10)];
    announce(A);
    await pass(20);
    await bus.shared.put(jobKey(A), { epoch: 0, group: 12 });
    await bus.shared.delete(jobKey(A));
    first.claims.stop();
    first.taken[0]?.end();
    await pass(310);
    expect(second.taken[0]?.before).toEqual({ epoch: 0, group: 12 });
  });

  test('is asked for as soon as a process is gone', async () => {
    const [first, second] = [taker('first'), taker('second', 10)];
    announce(A);
    await pass(20);
    first.claims.stop();
    first.taken[0]?.end();
    second.delay = millis(0);
    second.gone('first');
    await pass(0);
    expect(second.broadcasts).toEqual([A]);
  });

  test('goes to whom it is handed over, though another has more room', async () => {
    const [first, chosen, roomier] = [taker('first'), taker('chosen', 250), taker('roomier', 10)];
    announce(A);
    await pass(20);
    first.claims.stop();
    await bus.shared.put(jobKey(A), { epoch: 0, group: 12, handover: { to: 'chosen', done: false } });
    first.taken[0]?.end();
    await pass(40);
    expect([chosen.broadcasts, roomier.broadcasts]).toEqual([[A], []]);
  });

  test('goes to another where the one that was chosen does not come', async () => {
    const [first, other] = [taker('first'), taker('other', 10)];
    announce(A);
    await pass(20);
    first.claims.stop();
    await bus.shared.put(jobKey(A), { epoch: 0, group: 12, handover: { to: 'nobody', done: false } });
    first.taken[0]?.end();
    await pass(1020);
    expect(other.broadcasts).toEqual([A]);
  });

  test('comes back to the one that lost it, after the others had their turn', async () => {
    const only = taker('only');
    announce(A);
    await pass(0);
    only.taken[0]?.end();
    await pass(250);
    expect(only.broadcasts).toEqual([A]);
    await pass(100);
    expect(only.broadcasts).toEqual([A, A]);
  });
});

test('one whose every start fails asks more and more seldom', async () => {
  const only = taker('only');
  announce(A);
  for (let seconds = 0; seconds < 30; seconds += 1) {
    only.taken.at(-1)?.end();
    await pass(1000);
  }
  expect(only.broadcasts.length).toBeGreaterThan(3);
  expect(only.broadcasts.length).toBeLessThan(9);
});

test('a bus that cannot tell is asked again', async () => {
  const only = taker('only');
  const away = vi.spyOn(bus, 'tryLease').mockRejectedValueOnce(new MillraceError('bus/unreachable', 'NATS is away'));
  announce(A);
  await pass(0);
  expect(only.broadcasts).toEqual([]);
  await pass(300);
  expect(only.broadcasts).toEqual([A]);
  expect(away).toHaveBeenCalledTimes(2);
});

test('a lease whose record cannot be read is given back, and taken again', async () => {
  const only = taker('only');
  vi.spyOn(bus.shared, 'get').mockRejectedValueOnce(new MillraceError('bus/unreachable', 'NATS is away'));
  announce(A);
  await pass(300);
  expect(only.broadcasts).toEqual([A]);
});

test('a broadcast that is over is asked for no more', async () => {
  const [first, second] = [taker('first'), taker('second', 10)];
  const atRest = vi.getTimerCount();
  announce(A);
  await pass(20);
  expect(vi.getTimerCount()).toBeGreaterThan(atRest);
  announce(A, 'ended');
  first.taken[0]?.end();
  // The bus forgets it after a minute.
  await pass(61_000);
  expect(second.broadcasts).toEqual([]);
  expect(vi.getTimerCount()).toBe(atRest);
});

test('one that is stopped takes nothing', async () => {
  const stopped = taker('stopped', 10);
  announce(A);
  stopped.claims.stop();
  announce(B);
  await pass(5000);
  expect(stopped.broadcasts).toEqual([]);
});
