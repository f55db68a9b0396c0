import { expect, test } from 'vitest';

import { LocalTrack } from '../local/track.ts';
import { placeOf, testFrame } from '../testing/frames.ts';
import { ServedConsumer } from './served-consumer.ts';

test('a worker is told that it is behind while the backlog is on its way to the bus itself', async () => {
  const track = new LocalTrack();
  const consumer = track.consume({});
  consumer.awaitBacklog();
  const told: unknown[] = [];
  const served = new ServedConsumer(consumer, { frame: (frame, _losses, isBehind) => told.push([placeOf(frame), isBehind]), live: () => told.push('live'), ended: () => undefined });
  const producer = track.open(1);
  served.grant(10, 1e6);
  producer.write(testFrame(1, 0));
  await Promise.resolve();
  producer.write(testFrame(2, 0));
  await Promise.resolve();
  consumer.backlogArrived();
  producer.write(testFrame(3, 0));
  await new Promise(setImmediate);
  expect(told).toEqual([['1.0', true], ['2.0', true], ['3.0', false]]);
});
