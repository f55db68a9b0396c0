import { pino } from 'pino';
import { describe, expect, it } from 'vitest';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import type { PacketizedFrame } from '#core/media/rtp/packetized-frame.ts';
import { millis, wallTime } from '#core/media/time.ts';
import { trackName } from '#core/media/track.ts';

import { Feeds } from './feeds.ts';
import { message, settle, TestBroadcast } from './testing/broadcast.ts';
import { VideoPath, type PathRung } from './video-path.ts';
import { ViewerTimeline } from './viewer-timeline.ts';

const FRAME = 3000;
const MS = 90;

/** A path that tells of messages, and a pacer that the test fills and empties. */
function setUp() {
  const bus = createLocalBus();
  const broadcast = new TestBroadcast(bus);
  const state = { now: millis(10_000), estimate: 1e9, takes: true };
  const sent: PacketizedFrame[] = [];
  const events: string[] = [];
  const feeds = new Feeds({ bus, clock: () => wallTime(0), log: pino({ level: 'silent' }) });
  const path = new VideoPath({
    take: ({ broadcast, track }, reader) => feeds.take(broadcast, track, reader),
    out: {
      sendVideo: (frame) => {
        sent.push(frame);
        return state.takes;
      },
      dropQueued: () => undefined,
      estimate: () => state.estimate,
      rtt: () => millis(20),
    },
    timeline: new ViewerTimeline(),
    clock: () => state.now,
    observer: {
      switched: () => undefined,
      abandoned: () => undefined,
      capture: () => undefined,
      event: ({ id, time }, timestamp) => events.push(`${id.slice(0, 1)} of ${time.toFixed(2)} s at ${timestamp}`),
      waits: () => undefined,
    },
  });
  const rung = (track: string): PathRung => ({ broadcast: broadcast.id, track: trackName(track), encoded: track !== 'video' });
  return { broadcast, path, sent, events, state, rung };
}

describe('a message', () => {
  it('comes with its frame, at the timestamp that the frame has for this viewer', async () => {
    const { broadcast, path, events, rung } = setUp();
    broadcast.write('video', 0, 30);
    broadcast.write('video', 30, 35, { events: [message('a', 30 * FRAME)] });
    path.go(rung('video'), 'at-once');
    // Squeezed: four frames of 1 ms before the newest one.
    expect(events).toEqual([`a of 1.00 s at ${34 * FRAME - 4 * MS}`]);
    broadcast.write('video', 35, 36, { events: [message('b', 35 * FRAME), message('c', 35 * FRAME)] });
    await settle();
    expect(events.slice(1)).toEqual([`b of 1.17 s at ${35 * FRAME}`, `c of 1.17 s at ${35 * FRAME}`]);
  });

  it('comes with the first frame where its own was before the viewer, at most two seconds', async () => {
    const { broadcast, path, events, rung } = setUp();
    broadcast.write('video', 0, 30, { events: [message('a', 0)] });
    broadcast.write('video', 30, 75, { events: [message('b', 30 * FRAME)] });
    path.go(rung('video'), 'at-once');
    expect(events).toEqual([`b of 1.00 s at ${74 * FRAME - 14 * MS}`]);
  });

  it('of a frame that was left out comes with the next one that is sent', async () => {
    const { broadcast, path, sent, events, rung, state } = setUp();
    broadcast.write('video', 0, 20);
    broadcast.write('video', 20, 28, { events: [message('a', 20 * FRAME)] });
    state.estimate = 72_000;
    path.go(rung('video'), 'at-once');
    expect(events).toEqual([]);
    broadcast.write('video', 28, 32);
    await settle();
    const next = sent.find(({ group }) => group === 101);
    expect(events).toEqual([`a of 0.67 s at ${next?.timestamp}`]);
  });

  it('is told when a frame is taken again after one that was refused', async () => {
    const { broadcast, path, events, rung, state } = setUp();
    broadcast.write('video', 0, 2);
    path.go(rung('video'), 'at-once');
    state.takes = false;
    broadcast.write('video', 2, 3, { events: [message('a', 2 * FRAME)] });
    await settle();
    state.takes = true;
    broadcast.write('video', 3);
    await settle();
    expect(events).toEqual([`a of 0.07 s at ${3 * FRAME}`]);
  });

  it('is told once, whatever is sent again and from whichever rung', async () => {
    const { broadcast, path, events, rung, state } = setUp();
    const events30 = [message('a', 30 * FRAME)];
    broadcast.write('video', 0, 30);
    broadcast.write('video', 30, 33, { events: events30 });
    path.go(rung('video'), 'at-once');
    state.now = millis(state.now + 500);
    path.keyRequest();
    broadcast.write('v360', 0, 30);
    broadcast.write('v360', 30, 33, { events: events30 });
    path.go(rung('v360'), 'at-once');
    await settle();
    expect(events.length).toBe(1);
  });
});
