import { describe, expect, it } from 'vitest';
import { EventRider, EventTrail } from './event-trail.ts';
import { ticks } from './time.ts';
import type { TimedEvent } from './timed-event.ts';

const event = (pts: number, type = `at-${pts}`): TimedEvent => ({ id: pts.toString(16).padStart(32, '0'), type, pts: ticks(pts), data: '1' });

function setUp(): { readonly trail: EventTrail; readonly rider: EventRider; take(start: number, end?: number): number[] } {
  const trail = new EventTrail();
  const rider = new EventRider(trail);
  return { trail, rider, take: (start, end = start + 3000) => (rider.take(ticks(start), ticks(end)) ?? []).map(({ pts }) => pts) };
}

describe('messages that ride on the frames of another track', () => {
  it('go on the frame of their time, each once, in the order in which they came', () => {
    const { trail, take } = setUp();
    trail.add([event(6000), event(3000)]);
    trail.add(undefined);
    trail.add([event(3001)]);
    expect([take(0), take(3000), take(6000), take(9000)]).toEqual([[], [3000, 3001], [6000], []]);
  });

  it('go on the next frame where there was none for their time', () => {
    const { trail, take } = setUp();
    trail.add([event(3000), event(6000), event(9000)]);
    expect([take(0), take(9000)]).toEqual([[], [3000, 6000, 9000]]);
  });

  it('go on the next frame where they came when the frame of their time was out', () => {
    const { trail, take } = setUp();
    expect(take(3000)).toEqual([]);
    trail.add([event(3000)]);
    expect([take(6000), take(9000)]).toEqual([[3000], []]);
  });

  it('go on the one frame that is there for a moment of no length', () => {
    const { trail, take } = setUp();
    trail.add([event(3000), event(3001)]);
    expect([take(3000, 3000), take(3001, 3001)]).toEqual([[3000], [3001]]);
  });

  it('are not made up for after four seconds', () => {
    const { trail, take } = setUp();
    trail.add([event(1000), event(3000)]);
    expect(take(4 * 90_000 + 1000)).toEqual([3000]);
  });

  it('reach each track by itself, one that comes later too', () => {
    const { trail, take } = setUp();
    trail.add([event(0)]);
    expect(take(0)).toEqual([0]);
    trail.add([event(3000)]);
    const late = new EventRider(trail);
    expect(late.take(ticks(3000), ticks(6000))?.map(({ pts }) => pts)).toEqual([0, 3000]);
    expect(take(3000)).toEqual([3000]);
  });

  it('are kept within a bound, the newest of them', () => {
    const { trail, take } = setUp();
    trail.add(Array.from({ length: 1000 }, (_, n) => event(n)));
    trail.add(Array.from({ length: 10 }, (_, n) => event(1000 + n)));
    const taken = take(0, 90_000);
    expect(taken).toHaveLength(256);
    expect(taken.at(-1)).toBe(1009);
    trail.add([event(2000)]);
    expect(take(3000)).toEqual([2000]);
    const waiting = setUp();
    for (let n = 0; n < 1000; n++) {
      waiting.trail.add([event(90_000 + n)]);
      waiting.take(0);
    }
    expect(waiting.take(90_000)).toHaveLength(256);
  });
});
