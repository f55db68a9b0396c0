import { expect, test, vi } from 'vitest';

import type { SharedState } from '#core/bus/shared-state.ts';
import { broadcastId } from '#core/media/frame.ts';
import { MillraceError } from '#core/runtime/errors.ts';
import { WriteAhead, type WriteAheadOptions } from './write-ahead.ts';

const BROADCAST = broadcastId('test00000001');

/** Shared values that answer when they are told to. */
class Slow {
  readonly puts: { readonly value: unknown; readonly fence: number | undefined; settle(error?: MillraceError): Promise<void> }[] = [];
  readonly deleted: string[] = [];

  get shared(): SharedState {
    return {
      durable: true,
      get: () => Promise.resolve(undefined),
      put: (_key, value, options) =>
        new Promise((resolve, reject) => {
          const settle = async (error?: MillraceError): Promise<void> => {
            if (error === undefined) {
              resolve();
            } else {
              reject(error);
            }
            await new Promise(setImmediate);
          };
          this.puts.push({ value, fence: options?.fence, settle });
        }),
      delete: (key) => Promise.resolve(void this.deleted.push(key)),
      watch: () => () => undefined,
    };
  }

  get values(): unknown[] {
    return this.puts.map(({ value }) => value);
  }
}

function setUp(options: Partial<WriteAheadOptions> = {}) {
  const slow = new Slow();
  const onFenced = vi.fn();
  return { slow, onFenced, ahead: new WriteAhead({ shared: slow.shared, broadcast: BROADCAST, fence: 7, onFenced, ...options }) };
}

test('each group that begins is written one ahead, under the fence, and once for picture and sound', async () => {
  const { slow, ahead } = setUp();
  ahead.begins(0, 10);
  expect(slow.puts[0]).toMatchObject({ value: { epoch: 0, group: 11 }, fence: 7 });
  await slow.puts[0]?.settle();
  ahead.begins(0, 10);
  expect(slow.puts).toHaveLength(1);
  ahead.begins(0, 11);
  expect(slow.values.at(-1)).toEqual({ epoch: 0, group: 12 });
});

test('while one write is on its way only the newest value waits', async () => {
  const { slow, ahead } = setUp();
  [10, 11, 12, 13].forEach((group) => ahead.begins(0, group));
  expect(slow.puts).toHaveLength(1);
  await slow.puts[0]?.settle();
  expect(slow.values).toEqual([{ epoch: 0, group: 11 }, { epoch: 0, group: 14 }]);
});

test('a write that fails is made up for with the next group', async () => {
  const { slow, ahead, onFenced } = setUp();
  ahead.begins(0, 10);
  await slow.puts[0]?.settle(new MillraceError('bus/unreachable', 'NATS is away'));
  expect(slow.puts).toHaveLength(1);
  ahead.begins(0, 11);
  expect(slow.values.at(-1)).toEqual({ epoch: 0, group: 12 });
  expect(onFenced).not.toHaveBeenCalled();
});

test('who is refused because another has written hears of it', async () => {
  const { slow, ahead, onFenced } = setUp();
  ahead.begins(0, 10);
  await slow.puts[0]?.settle(new MillraceError('bus/fenced', 'another has it'));
  expect(onFenced).toHaveBeenCalledOnce();
});

test('a successor never writes less than it found, and nothing while the one before still writes', () => {
  const { slow, ahead } = setUp({ before: { epoch: 0, group: 20, handover: { to: 'b', done: false } }, held: true });
  ahead.begins(0, 15);
  ahead.begins(0, 21);
  expect(slow.values).toEqual([]);
  ahead.open();
  expect(slow.values).toEqual([{ epoch: 0, group: 22 }]);
});

test('a hand-over stands: nothing is begun beyond it', async () => {
  const { slow, ahead } = setUp();
  ahead.begins(0, 10);
  await slow.puts[0]?.settle();
  const handedOver = ahead.handOver('b', { epoch: 0, group: 11 });
  await new Promise(setImmediate);
  ahead.begins(0, 11);
  await slow.puts[1]?.settle();
  await handedOver;
  const done = ahead.done();
  await slow.puts[2]?.settle();
  await done;
  expect(slow.values.slice(1)).toEqual([
    { epoch: 0, group: 11, handover: { to: 'b', done: false } },
    { epoch: 0, group: 11, handover: { to: 'b', done: true } },
  ]);
});

test('a hand-over of what is only passed through is done at once, and one that nobody took is taken back', async () => {
  const { slow, ahead } = setUp({ before: { epoch: 0, group: 4 } });
  const handedOver = ahead.handOver('b', undefined);
  await new Promise(setImmediate);
  await slow.puts[0]?.settle();
  await handedOver;
  ahead.goOn();
  expect(slow.values).toEqual([{ epoch: 0, group: 4, handover: { to: 'b', done: true } }, { epoch: 0, group: 4 }]);
});

test('a broadcast that is over leaves nothing', async () => {
  const { slow, ahead } = setUp();
  ahead.begins(0, 10);
  const forgotten = ahead.forget();
  await slow.puts[0]?.settle();
  await forgotten;
  expect(slow.deleted).toEqual([`transcode/${BROADCAST}`]);
});
