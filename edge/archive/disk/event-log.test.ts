import { expect, test } from 'vitest';

import { millis, ticks } from '#core/media/time.ts';
import type { TimedEvent } from '#core/media/timed-event.ts';

import { MemoryDisk } from '../testing/memory-disk.ts';
import { EventLog } from './event-log.ts';

const event = (n: number, data = '{}'): TimedEvent => ({ id: n.toString(16).padStart(32, '0'), type: 'poll', pts: ticks(n * 90_000), data });

test('messages are kept once and in their order, and read again to the last whole line', async () => {
  const disk = new MemoryDisk();
  const log = new EventLog(disk, '/folder');
  expect([event(1), event(3), event(2), event(1)].map((each) => log.add(each))).toEqual([true, true, true, false]);
  await log.write([event(1), event(3)]);
  await log.write([event(2)]);
  const path = '/folder/events.jsonl';
  disk.files.set(path, Buffer.concat([disk.files.get(path)!, Buffer.from('not json\n{"id":"torn')]));
  const again = new EventLog(disk, '/folder');
  await again.load();
  expect(again.events).toEqual([event(1), event(2), event(3)]);
  await again.write([event(4)]);
  const third = new EventLog(disk, '/folder');
  await third.load();
  expect(third.events).toEqual([event(1), event(2), event(3), event(4)]);
});

test('what left the window is let go of, and its lines when they are most of the file', async () => {
  const disk = new MemoryDisk();
  const log = new EventLog(disk, '/folder');
  const many = Array.from({ length: 1000 }, (_, n) => event(n, JSON.stringify('x'.repeat(3000))));
  many.forEach((each) => log.add(each));
  await log.write(many);
  log.forgetBefore(millis(990_000));
  await log.compact();
  expect(log.events).toEqual(many.slice(990));
  expect(disk.files.get('/folder/events.jsonl')?.length).toBeLessThan(40_000);
  const again = new EventLog(disk, '/folder');
  await again.load();
  expect(again.events).toEqual(many.slice(990));
});

test('messages have a bound', () => {
  const log = new EventLog(new MemoryDisk(), '/folder');
  const data = JSON.stringify('x'.repeat(4000));
  let taken = 0;
  for (let n = 0; n < 10_000; n++) {
    taken += Number(log.add(event(n, data)));
  }
  expect(taken * data.length).toBeLessThanOrEqual(32 * 1024 * 1024);
  expect(taken).toBeGreaterThan(8000);
});
