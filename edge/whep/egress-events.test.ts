import { pino } from 'pino';
import { describe, expect, it } from 'vitest';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { millis, wallTime } from '#core/media/time.ts';
import { parseOffer } from '#core/rtc/sdp/parse-offer.ts';
import { offerText } from '#core/rtc/sdp/testing/offers.ts';
import { Ticker } from '#core/rtc/ticker.ts';

import { Egress } from './egress.ts';
import { message, rendition, settle, TestBroadcast } from './testing/broadcast.ts';
import { FakeRtc, FakeSender } from './testing/fake-rtc.ts';

/** An egress with one viewer that is told of messages. */
function setUp() {
  const bus = createLocalBus();
  const rtc = new FakeRtc();
  const events: unknown[] = [];
  const senders: FakeSender[] = [];
  const now = millis(10_000);
  const egress = new Egress({
    bus, rtc, log: pino({ level: 'silent' }),
    ticker: new Ticker(() => now, { set: () => undefined, clear: () => undefined }),
    clock: () => wallTime(now),
    monotonic: () => now,
    observer: { connected: () => undefined, event: (_viewer, { name, data }) => (name === 'metadata' ? events.push(data) : undefined), ended: () => undefined },
    createSender: (options) => {
      const sender = new FakeSender(options);
      senders.push(sender);
      return sender;
    },
  });
  const watch = (): FakeSender => {
    egress.create({ id: 'a', stream: 'demo', offer: parseOffer(offerText('chromium-156-whep')) });
    rtc.peer.handler.connected();
    return senders.at(-1) as FakeSender;
  };
  return { bus, events, watch };
}

describe('a viewer', () => {
  it('is told of messages with the RTP timestamp of their frame as it is sent', async () => {
    const { bus, watch, events } = setUp();
    const broadcast = new TestBroadcast(bus);
    broadcast.ladder(rendition('video', 2_000_000));
    broadcast.write('video', 0, 33);
    const sender = watch();
    broadcast.write('video', 33, 34, { events: [message('e', 33 * 3000, '{"question":"Left or right?"}'), message('f', 33 * 3000, 'no JSON')] });
    await settle();
    const timestamp = (sender.video.at(-1)?.frame.timestamp ?? 0) + 1000;
    expect(timestamp).toBe(33 * 3000 + 1000);
    const data = { id: 'e'.repeat(32), type: 'poll', data: { question: 'Left or right?' }, time: 1.1, wallTime: '2026-01-01T00:00:01.100Z', video: timestamp };
    expect(events).toEqual([data]);
  });

  it('is told of messages on sound by the timestamp of sound', async () => {
    const { bus, watch, events } = setUp();
    const broadcast = new TestBroadcast(bus);
    broadcast.ladder(rendition('opus', 96_000, { faces: ['webrtc'] }));
    broadcast.sound('opus', 0, 50);
    watch();
    broadcast.sound('opus', 50, 51, [message('e', 90_000)]);
    broadcast.sound('opus', 51);
    await settle();
    // Encoded sound is stamped 80 ms late.
    expect(events).toEqual([expect.objectContaining({ time: 1, audio: 54 * 960 + 1000 })]);
  });
});
