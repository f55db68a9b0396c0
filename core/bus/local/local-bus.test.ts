import { describe, expect, it } from 'vitest';

import { wallTime } from '../../media/time.ts';
import { describeLink } from '../link.suite.ts';
import { placeOf, testBroadcast, testFrame, testTrack } from '../testing/frames.ts';
import { createLocalBus } from './local-bus.ts';

describeLink('in-process', () => {
  const bus = createLocalBus();
  return Promise.resolve({ near: bus, far: bus, close: () => bus.close() });
});

describe('the in-process link alone', () => {
  it('hands frames over by reference, in the turn in which they are written', () => {
    const bus = createLocalBus();
    const consumer = bus.consume(testBroadcast, testTrack);
    const frame = testFrame(1, 0);
    bus.produce(testBroadcast, testTrack, { fence: 1 }).write(frame);
    expect(consumer.tryNext()).toBe(frame);
  });

  it('begins its fences at the clock, so that they rise across restarts', async () => {
    const before = createLocalBus({ clock: () => wallTime(5_000) });
    const after = createLocalBus({ clock: () => wallTime(6_000) });
    const early = [await before.lease('a'), await before.lease('a'), await before.lease('b')];
    expect(early.map(({ fence }) => fence)).toEqual([5_000, 5_001, 5_002]);
    expect((await after.lease('a')).fence).toBe(6_000);
  });

  it('drops the rest of a group of which a slow consumer lost the beginning', () => {
    const bus = createLocalBus();
    const producer = bus.produce(testBroadcast, testTrack, { fence: 1 });
    const consumer = bus.consume(testBroadcast, testTrack, { maxFrames: 2 });
    [0, 1, 2, 3].forEach((index) => producer.write(testFrame(1, index)));
    producer.write(testFrame(2, 0));
    expect(placeOf(consumer.tryNext())).toBe('2.0');
    expect(consumer.losses).toEqual({ groups: 1, frames: 4 });
  });

  it('keeps a bounded backlog', () => {
    const bus = createLocalBus();
    const producer = bus.produce(testBroadcast, testTrack, { fence: 1 });
    for (let group = 1; group <= 1000; group += 1) {
      producer.write(testFrame(group, 0));
    }
    const consumer = bus.consume(testBroadcast, testTrack, { backlog: 1e9 as never });
    expect(consumer.queued.frames).toBe(9);
  });
});
