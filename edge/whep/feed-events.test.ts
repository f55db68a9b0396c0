import { describe, expect, it } from 'vitest';

import type { Frame } from '#core/media/frame.ts';
import { ticks, wallTime } from '#core/media/time.ts';

import { FeedEvents } from './feed-events.ts';
import { message } from './testing/broadcast.ts';

const frame = (pts: number, ...events: readonly ReturnType<typeof message>[]): Frame => ({ pts: ticks(pts), events }) as unknown as Frame;
const capture = { wallTime: wallTime(1_000_000), seconds: 1 };

describe('the messages of a feed', () => {
  it('lie on the frames that carried them, whose own time may be earlier', () => {
    const events = new FeedEvents();
    events.add(frame(3000, message('a', 1500)), capture);
    events.add(frame(6000), capture);
    expect(events.between(0, 2999)).toEqual([]);
    expect(events.between(0, 3000)).toEqual([{ id: 'a'.repeat(32), type: 'poll', data: { question: '?' }, time: 1500 / 90_000, wallTime: '1970-01-01T00:16:39.017Z' }]);
    expect(events.between(3000, 9000)).toEqual([]);
  });

  it('have no wall time before a group told it', () => {
    const events = new FeedEvents();
    events.add(frame(0, message('a', 0)), undefined);
    expect(events.between(-1, 0)).toEqual([{ id: 'a'.repeat(32), type: 'poll', data: { question: '?' }, time: 0 }]);
  });

  it('are kept up to a bound, and each once', () => {
    const events = new FeedEvents();
    for (let n = 0; n < 100; n++) {
      const one = { ...message('0', n), id: String(n).padStart(32, '0') };
      events.add(frame(n, one, one), capture);
    }
    expect(events.between(-1, 100).length).toBe(64);
    expect(events.between(-1, 100)[0]?.time).toBe(36 / 90_000);
  });
});
