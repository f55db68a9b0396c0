import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import type { Bus, Lease } from '#core/bus/bus.ts';
import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { placeOf, testBroadcast, testFrame, testTrack } from '#core/bus/testing/frames.ts';
import { MillraceError } from '#core/runtime/errors.ts';
import { jobKey, type GroupPlace, type TakenGroups } from './taken-groups.ts';
import { Tenure } from './tenure.ts';

const KEY = jobKey(testBroadcast);

let bus: Bus;
let given: string[];

beforeEach(() => {
  vi.useFakeTimers();
  bus = createLocalBus();
  given = [];
  const consumer = bus.consume(testBroadcast, testTrack);
  const read = async (): Promise<void> => {
    for await (const frame of consumer) {
      given.push(`${placeOf(frame)}@${frame.fence === first.fence ? 'first' : 'second'}`);
    }
  };
  void read();
});

afterEach(async () => {
  await bus.close();
  vi.useRealTimers();
});

let first: Lease;

async function tenureOf(lease: Lease, before?: TakenGroups) {
  const onLost = vi.fn();
  const tenure = new Tenure({ bus, broadcast: testBroadcast, lease, before, log: pino({ level: 'silent' }), onLost });
  const write = (group: number, index = 0): boolean => tenure.producers.of(testTrack).write(testFrame(group, index, { fence: lease.fence }));
  return { tenure, onLost, write };
}

async function begin() {
  first = await bus.lease(KEY);
  return tenureOf(first);
}

const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

describe('a process that was paused', () => {
  test('holds what it gives out until it has shown that nobody took over', async () => {
    const { tenure, write, onLost } = await begin();
    tenure.begins(0, 1);
    write(1);
    await vi.advanceTimersByTimeAsync(1500);
    write(1, 1);
    expect(tenure.mayWrite).toBe(false);
    expect(given).toEqual(['1.0@first']);
    await settle();
    expect(given).toEqual(['1.0@first', '1.1@first']);
    tenure.tick();
    write(1, 2);
    await settle();
    expect([given.length, tenure.mayWrite, onLost.mock.calls.length]).toEqual([3, true, 0]);
  });

  test('gives out nothing where another has written meanwhile, even before a frame of the other comes', async () => {
    const { tenure, write, onLost } = await begin();
    tenure.begins(0, 1);
    write(1);
    await settle();
    await bus.shared.put(KEY, { epoch: 0, group: 5 }, { fence: first.fence + 1 });
    await vi.advanceTimersByTimeAsync(3000);
    write(1, 1);
    tenure.tick();
    await settle();
    expect(given).toEqual(['1.0@first']);
    expect([onLost.mock.calls.length, tenure.mayWrite]).toEqual([1, false]);
  });

  test('gives out its media where nobody can tell for 2 s', async () => {
    const { tenure, write } = await begin();
    write(1);
    await settle();
    vi.spyOn(bus.shared, 'put').mockRejectedValue(new MillraceError('bus/unreachable', 'NATS is away'));
    await vi.advanceTimersByTimeAsync(1500);
    write(1, 1);
    await vi.advanceTimersByTimeAsync(1500);
    expect(given).toEqual(['1.0@first']);
    await vi.advanceTimersByTimeAsync(1000);
    tenure.tick();
    expect(given).toEqual(['1.0@first', '1.1@first']);
  });
});

test('one whose lease is taken over hears of it, and writes no catalog', async () => {
  const { tenure, onLost } = await begin();
  await bus.lease(KEY);
  await settle();
  expect([onLost.mock.calls.length, tenure.mayWrite]).toEqual([1, false]);
});

describe('a hand-over', () => {
  const estate = (newest: GroupPlace | undefined) => {
    const written = Promise.withResolvers<void>();
    const left: GroupPlace[] = [];
    const stay = vi.fn(() => true);
    return { written, left, stay, estate: { newest: () => newest, leave: (at: GroupPlace) => (left.push(at), written.promise), stay } };
  };

  test('names the group, lets go, and tells when all before it is written; then the other writes', async () => {
    const { tenure, write, onLost } = await begin();
    tenure.begins(0, 4);
    write(4);
    await settle();
    const heir = estate({ epoch: 0, group: 4 });
    const done = tenure.handOver('second', heir.estate);
    await settle();
    expect(heir.left).toEqual([{ epoch: 0, group: 6 }]);
    const before = (await bus.shared.get(KEY)) as TakenGroups;
    expect(before).toEqual({ epoch: 0, group: 5, handover: { to: 'second', done: false } });
    const lease = await bus.tryLease(KEY);
    const second = await tenureOf(lease!, before);
    tenure.succeeded();
    second.tenure.begins(0, 6);
    second.write(6);
    write(5);
    await settle();
    expect(given).toEqual(['4.0@first', '5.0@first']);
    heir.written.resolve();
    await settle();
    expect(await done).toBe(true);
    expect(given).toEqual(['4.0@first', '5.0@first', '6.0@second']);
    expect(await bus.shared.get(KEY)).toEqual({ epoch: 0, group: 7 });
    expect([onLost.mock.calls.length, second.onLost.mock.calls.length]).toEqual([0, 0]);
  });

  test('that nobody takes is taken back', async () => {
    const { tenure, write, onLost } = await begin();
    tenure.begins(0, 4);
    const heir = estate({ epoch: 0, group: 4 });
    const done = tenure.handOver('second', heir.estate);
    await vi.advanceTimersByTimeAsync(700);
    expect([await done, heir.stay.mock.calls.length, tenure.isEnding]).toEqual([false, 1, false]);
    expect(await bus.tryLease(KEY)).toBeUndefined();
    tenure.begins(0, 6);
    tenure.tick();
    write(6);
    await settle();
    expect(given).toEqual(['6.0@first']);
    expect(await bus.shared.get(KEY)).toEqual({ epoch: 0, group: 7 });
    expect(onLost).not.toHaveBeenCalled();
  });

  test('that cannot be written is none', async () => {
    const { tenure } = await begin();
    vi.spyOn(bus.shared, 'put').mockRejectedValueOnce(new MillraceError('bus/unreachable', 'NATS is away'));
    const heir = estate({ epoch: 0, group: 4 });
    expect(await tenure.handOver('second', heir.estate)).toBe(false);
    expect([heir.left, tenure.isEnding, await bus.tryLease(KEY)]).toEqual([[], false, undefined]);
  });

  test('of what is only passed through is done at once', async () => {
    const { tenure } = await begin();
    const done = tenure.handOver('second', estate(undefined).estate);
    await settle();
    expect(await bus.shared.get(KEY)).toEqual({ epoch: 0, group: -1, handover: { to: 'second', done: true } });
    const second = await tenureOf((await bus.tryLease(KEY))!, { epoch: 0, group: -1, handover: { to: 'second', done: true } });
    tenure.succeeded();
    expect(await done).toBe(true);
    second.write(1);
    await settle();
    expect(given).toEqual(['1.0@second']);
  });

  test('that is cut short by a stop says so: the other need not wait', async () => {
    const { tenure } = await begin();
    tenure.begins(0, 4);
    const heir = estate({ epoch: 0, group: 4 });
    const done = tenure.handOver('second', heir.estate);
    await settle();
    tenure.succeeded();
    await tenure.close({ isOver: false });
    expect(await done).toBe(true);
    expect(await bus.shared.get(KEY)).toEqual({ epoch: 0, group: 5, handover: { to: 'second', done: true } });
  });

  test('of a broadcast that ends meanwhile leaves no record', async () => {
    const { tenure } = await begin();
    tenure.begins(0, 4);
    const done = tenure.handOver('second', estate({ epoch: 0, group: 4 }).estate);
    await settle();
    await tenure.close({ isOver: true });
    await done;
    expect(await bus.shared.get(KEY)).toBeUndefined();
  });

  test('whose former transcoder dies before it was done goes on 2 s after the first frame', async () => {
    first = await bus.lease(KEY);
    const { tenure, write } = await tenureOf(await bus.lease(KEY), { epoch: 0, group: 5, handover: { to: 'second', done: false } });
    tenure.begins(0, 6);
    write(6);
    for (let tick = 0; tick < 8; tick += 1) {
      expect(given).toEqual([]);
      await vi.advanceTimersByTimeAsync(250);
      tenure.tick();
    }
    expect(given).toEqual(['6.0@second']);
    expect(await bus.shared.get(KEY)).toEqual({ epoch: 0, group: 7 });
  });
});

test('a broadcast that is over leaves no record', async () => {
  const { tenure } = await begin();
  tenure.begins(0, 4);
  await settle();
  await tenure.close({ isOver: true });
  expect(await bus.shared.get(KEY)).toBeUndefined();
  expect(await bus.tryLease(KEY)).toBeDefined();
});
