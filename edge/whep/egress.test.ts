import { pino } from 'pino';
import { describe, expect, it } from 'vitest';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { millis, wallTime } from '#core/media/time.ts';
import { parseOffer } from '#core/rtc/sdp/parse-offer.ts';
import { offerText, type OfferName } from '#core/rtc/sdp/testing/offers.ts';
import { Ticker } from '#core/rtc/ticker.ts';

import { Egress, type ViewerEvent } from './egress.ts';
import { FakeRtc, FakeSender } from './testing/fake-rtc.ts';
import { rendition, settle, TestBroadcast, vp8Config } from './testing/broadcast.ts';

/** An egress on a bus of its own, with manual clocks and senders that remember. */
function setUp() {
  const bus = createLocalBus();
  const rtc = new FakeRtc();
  const time = { now: millis(10_000) };
  const senders: FakeSender[] = [];
  const events: string[] = [];
  const ended: string[] = [];
  const reports: string[] = [];
  const ticker = new Ticker(() => time.now, { set: () => undefined, clear: () => undefined });
  const egress = new Egress({
    bus, rtc, ticker, log: pino({ level: 'silent' }),
    clock: () => wallTime(time.now),
    monotonic: () => time.now,
    observer: { connected: () => undefined, event: (viewer, event) => (event.name === 'clock' || event.name === 'estimate' ? reports : events).push(`${viewer} ${describeEvent(event)}`), ended: (viewer, reason) => ended.push(`${viewer} ${reason}`) },
    createSender: (options) => {
      const sender = new FakeSender(options);
      senders.push(sender);
      return sender;
    },
  });
  const watch = (id: string, offer: OfferName = 'chromium-156-whep'): FakeSender => {
    egress.create({ id, stream: 'demo', offer: parseOffer(offerText(offer)) });
    rtc.peer.handler.connected();
    return senders.at(-1) as FakeSender;
  };
  const pass = async (ms: number, meanwhile: (now: number) => void = () => undefined): Promise<void> => {
    for (const end = time.now + ms; time.now < end; ) {
      time.now = millis(time.now + 5);
      meanwhile(time.now);
      await settle();
      ticker.run();
    }
  };
  return { bus, rtc, egress, events, ended, reports, watch, pass, time, senders };
}

function describeEvent(event: ViewerEvent): string {
  if (event.name === 'layers') {
    const [layers = []] = Object.values(event.data);
    return `layers ${layers.map(({ rid, current, selected, bitrate }) => `${rid}${current ? '*' : ''}${selected ? '!' : ''}${bitrate === 0 ? '?' : ''}`).join(' ')}`;
  }
  if (event.name === 'clock' || event.name === 'estimate' || event.name === 'metadata') {
    return `${event.name} ${JSON.stringify(event.data)}`;
  }
  return event.name === 'inactive' ? `inactive ${event.data.state}` : `active ${event.data.broadcast}`;
}

const framesOf = ({ video }: FakeSender): number[] => video.map(({ frame }) => (frame.group - 100) * 30 + frame.index);

describe('a viewer', () => {
  it('gets the newest group once connected, each frame after that, and sound', async () => {
    const { bus, watch, rtc } = setUp();
    const broadcast = new TestBroadcast(bus);
    broadcast.ladder(rendition('video', 2_000_000), rendition('opus', 96_000, { faces: ['webrtc'] }));
    broadcast.write('video', 0, 33);
    const sender = watch('a');
    expect(framesOf(sender)).toEqual([30, 31, 32]);
    broadcast.write('video', 33);
    broadcast.sound('opus', 50, 53);
    await settle();
    expect(framesOf(sender).at(-1)).toBe(33);
    // Encoded sound is stamped 80 ms late.
    expect(sender.audio.map(({ frame }) => frame.timestamp)).toEqual([54 * 960, 55 * 960, 56 * 960]);
    expect(sender.captures).toEqual([[Date.UTC(2026, 0, 1) + 1000, 1]]);
    expect(sender.options).toMatchObject({ feedback: 'transport-cc', video: { clockRate: 90_000, cname: 'demo' }, audio: { clockRate: 48_000, cname: 'demo' } });
    expect(rtc.peers.length).toBe(1);
  });

  it('sends H.264 in the payload type whose decoders take its profile, and VP8 in its own', async () => {
    const { bus, watch } = setUp();
    const broadcast = new TestBroadcast(bus);
    broadcast.ladder(rendition('video', 2_000_000));
    broadcast.write('video', 0);
    const sender = watch('a');
    const offer = parseOffer(offerText('chromium-156-whep'));
    const format = (payloadType: number | undefined) => offer.media.flatMap(({ codecs }) => codecs).find((codec) => codec.payloadType === payloadType);
    expect(format(sender.video[0]?.payload.type)).toMatchObject({ name: 'h264', parameters: { 'packetization-mode': '1', 'profile-level-id': expect.stringMatching(/^(f4001f|64)/) as string } });
    broadcast.write('video', 30, 31, { config: vp8Config });
    await settle();
    expect(format(sender.video[1]?.payload.type)).toMatchObject({ name: 'vp8' });
  });

  it('waits for a rung and for sound that appear after it came', async () => {
    const { bus, watch } = setUp();
    const broadcast = new TestBroadcast(bus);
    broadcast.ladder(rendition('video', 2_000_000, { faces: ['hls'] }));
    broadcast.write('video', 0, 40);
    const sender = watch('a');
    expect(sender.video).toEqual([]);
    broadcast.ladder(rendition('video', 2_000_000, { faces: ['hls'] }), rendition('v360', 800_000), rendition('opus', 96_000, { faces: ['webrtc'] }));
    broadcast.write('v360', 30, 41);
    broadcast.sound('opus', 100);
    await settle();
    expect(framesOf(sender)).toEqual([30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40]);
    expect(sender.audio.length).toBe(1);
  });

  it('begins with a rung that has something while the best one has not', async () => {
    const { bus, watch, events } = setUp();
    const broadcast = new TestBroadcast(bus);
    broadcast.ladder(rendition('v360', 800_000), rendition('v240', 400_000));
    broadcast.write('v240', 0, 28);
    const sender = watch('a');
    expect(framesOf(sender).length).toBe(28);
    broadcast.write('v360', 0, 28);
    broadcast.write('v240', 28, 31);
    await settle();
    expect(framesOf(sender).slice(28)).toEqual([28, 29]);
    broadcast.write('v360', 28, 31);
    await settle();
    expect(framesOf(sender).slice(28)).toEqual([28, 29, 30]);
    expect(events.slice(-2)).toEqual(['a layers v360 v240*', 'a layers v360* v240']);
  });

  it('is told what there is, and what it gets', async () => {
    const { bus, watch, events } = setUp();
    const broadcast = new TestBroadcast(bus);
    broadcast.ladder(rendition('video', 2_000_000), rendition('v360', 800_000));
    broadcast.write('video', 0, 3);
    watch('a');
    broadcast.state('interrupted');
    broadcast.state('live', 1);
    broadcast.state('ended');
    await settle();
    expect(events).toEqual(['a active testbroadcast', 'a layers video v360', 'a layers video* v360', 'a inactive interrupted', 'a active testbroadcast', 'a inactive ended']);
  });

  it('is told when its frames were captured, and what its path carries', async () => {
    const { bus, watch, reports, pass } = setUp();
    const broadcast = new TestBroadcast(bus);
    broadcast.ladder(rendition('video', 2_000_000));
    broadcast.write('video', 30, 33);
    const sender = watch('a');
    const clock = { wall: Date.UTC(2026, 0, 1) + 1000, video: 91_000, audio: 49_000 };
    expect(reports).toEqual(['a estimate {"bitrate":10000000,"rtt":5,"loss":0}', `a clock ${JSON.stringify(clock)}`]);
    sender.stats = { ...sender.stats, estimate: 9_000_000, loss: 0.0123 };
    await pass(900);
    broadcast.write('video', 33, 61);
    await pass(300);
    expect(reports.slice(2)).toEqual(['a estimate {"bitrate":9000000,"rtt":5,"loss":0.012}']);
  });

  it('goes on through the next epoch after the publisher was gone', async () => {
    const { bus, watch, rtc } = setUp();
    const broadcast = new TestBroadcast(bus);
    broadcast.ladder(rendition('video', 2_000_000));
    broadcast.write('video', 0, 33);
    const sender = watch('a');
    broadcast.state('interrupted');
    broadcast.state('live', 1);
    broadcast.write('video', 300, 303);
    await settle();
    expect(framesOf(sender).slice(3)).toEqual([300, 301, 302]);
    expect(rtc.peer.closedWith).toBeUndefined();
  });

  it('gets the newest group again where its path changed', async () => {
    const { bus, watch, rtc, time } = setUp();
    const broadcast = new TestBroadcast(bus);
    broadcast.ladder(rendition('video', 2_000_000));
    broadcast.write('video', 0, 3);
    const sender = watch('a');
    time.now = millis(time.now + 100);
    rtc.peer.handler.pathChanged?.();
    expect(framesOf(sender)).toEqual([0, 1, 2, 0, 1, 2]);
  });

  it('answers a key request from the newest group', async () => {
    const { bus, watch, time, egress } = setUp();
    const broadcast = new TestBroadcast(bus);
    broadcast.ladder(rendition('video', 2_000_000));
    broadcast.write('video', 0, 33);
    const sender = watch('a');
    time.now = millis(time.now + 100);
    sender.options.handler.keyRequest();
    expect(framesOf(sender)).toEqual([30, 31, 32, 30, 31, 32]);
    expect(egress.counts.keyRequests).toBe(1);
  });

  it('goes on into the next broadcast of the stream', async () => {
    const { bus, watch, time, events, egress } = setUp();
    const broadcast = new TestBroadcast(bus);
    broadcast.ladder(rendition('video', 2_000_000), rendition('opus', 96_000, { faces: ['webrtc'], mode: 'passthrough' }));
    broadcast.write('video', 300, 303);
    broadcast.sound('opus', 500, 506);
    const sender = watch('a');
    broadcast.state('ended');
    time.now = millis(time.now + 9000);
    egress.expire(wallTime(time.now));
    const next = new TestBroadcast(bus, 'nextbroadcast');
    next.ladder(rendition('video', 2_000_000), rendition('opus', 96_000, { faces: ['webrtc'], mode: 'passthrough' }));
    next.write('video', 0, 2);
    next.sound('opus', 0, 3);
    await settle();
    const timestamps = sender.video.map(({ frame }) => frame.timestamp);
    expect(timestamps).toEqual([...timestamps].sort((a, b) => a - b));
    // 9 s later by the clock, in picture and sound alike.
    expect(timestamps.at(-1)).toBe(302 * 3000 + 9 * 90_000 + 3000);
    expect((sender.audio.at(-1)?.frame.timestamp ?? 0) / 48_000).toBeCloseTo((timestamps.at(-1) ?? 0) / 90_000 - 1 / 30 + 2 / 50, 3);
    egress.expire(wallTime(time.now + 60_000));
    expect(events.filter((event) => event.includes('active'))).toEqual(['a active testbroadcast', 'a inactive ended', 'a active nextbroadcast']);
    expect(egress.size).toBe(1);
  });

  it('is sent away 10 s after the end of a broadcast that no other follows', () => {
    const { bus, watch, time, egress, rtc, ended, senders } = setUp();
    const broadcast = new TestBroadcast(bus);
    broadcast.ladder(rendition('video', 2_000_000));
    watch('a');
    broadcast.state('ended');
    egress.expire(wallTime(time.now + 9999));
    expect(ended).toEqual([]);
    egress.expire(wallTime(time.now + 10_000));
    expect([ended, rtc.peer.closedWith, senders[0]?.isClosed, egress.size]).toEqual([['a closed'], 'closed', true, 0]);
  });

  it('leaves nothing behind when it goes', async () => {
    const { bus, watch, rtc, ended, egress, senders } = setUp();
    const broadcast = new TestBroadcast(bus);
    broadcast.ladder(rendition('video', 2_000_000));
    broadcast.write('video', 0, 3);
    const sender = watch('a');
    rtc.peer.end('consent-lost');
    egress.remove('a');
    broadcast.write('video', 3, 5);
    await settle();
    egress.expire(wallTime(1e9));
    expect([framesOf(sender), ended, egress.size, egress.feeds, senders[0]?.isClosed]).toEqual([[0, 1, 2], ['a consent-lost'], 0, 0, true]);
  });
});

describe('the rung of a viewer', () => {
  /** A source and an encoded rung that lags it by 100 ms, both live while time passes. */
  async function withTwoRungs() {
    const world = setUp();
    const broadcast = new TestBroadcast(world.bus);
    broadcast.ladder(rendition('video', 4_000_000), rendition('v360', 800_000));
    let frame = 0;
    const start = world.time.now;
    const live = (now: number): void => {
      for (; now - start >= (frame * 1000) / 30; frame++) {
        broadcast.write('video', frame, frame + 1, { bytes: 16_600 });
        if (frame >= 3) {
          broadcast.write('v360', frame - 3, frame - 2, { bytes: 3300 });
        }
      }
    };
    await world.pass(1500, live);
    const sender = world.watch('a');
    return { ...world, broadcast, sender, live };
  }

  it('follows the estimate down and up at key frames that both share, frame after frame', async () => {
    const { sender, pass, live, events, egress } = await withTwoRungs();
    await pass(1000, live);
    sender.stats = { ...sender.stats, estimate: 3_000_000 };
    await pass(3000, live);
    expect(events.at(-1)).toBe('a layers video v360*');
    expect(sender.demand).toBeGreaterThan(4_000_000);
    sender.stats = { ...sender.stats, estimate: 9_000_000 };
    await pass(5000, live);
    expect(events.at(-1)).toBe('a layers video* v360');
    const sent = framesOf(sender);
    expect(sent).toEqual(sent.map((_, i) => (sent[0] ?? 0) + i));
    const timestamps = sender.video.map(({ frame }) => frame.timestamp);
    expect(timestamps.every((at, i) => i === 0 || at > (timestamps[i - 1] ?? 0))).toBe(true);
    expect(egress.counts.switches).toEqual({ up: 1, down: 1, other: 0 });
    expect(sender.demand).toBe(0);
  });

  it('is dropped at once where the path collapses', async () => {
    const { sender, pass, live, events } = await withTwoRungs();
    await pass(500, live);
    sender.stats = { ...sender.stats, estimate: 900_000 };
    await pass(205, live);
    expect(events.at(-1)).toBe('a layers video v360*');
    await pass(1000, live);
    const timestamps = sender.video.map(({ frame }) => frame.timestamp);
    expect(timestamps.every((at, i) => i === 0 || at > (timestamps[i - 1] ?? 0))).toBe(true);
  });

  it('can be chosen by hand, and left to the server again', async () => {
    const { pass, live, events, egress } = await withTwoRungs();
    expect(egress.wish('a', { track: 'v360' })).toBe(true);
    expect(events.at(-1)).toBe('a layers video* v360!');
    await pass(1500, live);
    expect(events.at(-1)).toBe('a layers video v360*!');
    expect(egress.wish('a', {})).toBe(true);
    await pass(4000, live);
    expect(events.at(-1)).toBe('a layers video* v360');
    expect([egress.wish('a', { track: 'v9000' }), egress.wish('b', {})]).toEqual([false, false]);
  });

  it('stays within the size that the viewer asked for', async () => {
    const { pass, live, events, egress, broadcast } = await withTwoRungs();
    broadcast.ladder(rendition('video', 4_000_000), rendition('v180', 400_000, { config: { ...vp8Config, width: 320, height: 180 } }));
    egress.wish('a', { maxHeight: 200 });
    broadcast.write('v180', 60, 61, { config: vp8Config });
    await pass(1500, live);
    expect(events.at(-1)).toBe('a layers video v180*');
  });

  it('is left for another where it stops, once that has gone on', async () => {
    const { sender, pass, events, broadcast, time } = await withTwoRungs();
    let frame = 45;
    const start = time.now;
    const without = (now: number): void => {
      for (; now - start >= ((frame - 45) * 1000) / 30; frame++) {
        broadcast.write('v360', frame);
      }
    };
    await pass(4000, without);
    expect(events.at(-1)).toBe('a layers video? v360*');
    const timestamps = sender.video.map(({ frame }) => frame.timestamp);
    expect(timestamps.every((at, i) => i === 0 || at > (timestamps[i - 1] ?? 0))).toBe(true);
  });

  it('goes on where the ladder drops it', async () => {
    const { pass, live, events, broadcast } = await withTwoRungs();
    broadcast.ladder(rendition('v360', 800_000));
    await pass(1500, live);
    expect(events.at(-1)).toBe('a layers v360*');
  });
});

describe('an egress', () => {
  it.each([
    { name: 'off air', state: 'ended' as const },
    { name: 'interrupted', state: 'interrupted' as const },
  ])('refuses a viewer of a stream that is $name', ({ state }) => {
    const { bus, watch, egress } = setUp();
    const broadcast = new TestBroadcast(bus);
    broadcast.state(state);
    expect(() => watch('a')).toThrow(expect.objectContaining({ code: 'offline', status: 409 }) as Error);
    expect(egress.size).toBe(0);
  });

  it('has no viewer where the transport has no session', () => {
    const { bus, watch, egress, rtc, ended } = setUp();
    new TestBroadcast(bus);
    rtc.full = true;
    expect(() => watch('a')).toThrow(expect.objectContaining({ code: 'rtc/too-many-sessions' }) as Error);
    expect([egress.size, ended]).toEqual([0, []]);
  });

  it('keeps a slow viewer from slowing another', async () => {
    const { bus, watch } = setUp();
    const broadcast = new TestBroadcast(bus);
    broadcast.ladder(rendition('video', 2_000_000));
    broadcast.write('video', 0, 20);
    const slow = watch('slow');
    slow.stats = { ...slow.stats, estimate: 1 };
    const quick = watch('quick');
    broadcast.write('video', 20, 25);
    await settle();
    expect(framesOf(quick).length).toBe(25);
  });

  it('says goodbye to everybody when it closes, and takes nobody after', () => {
    const { bus, watch, egress, ended } = setUp();
    new TestBroadcast(bus);
    watch('a');
    watch('b');
    egress.close();
    egress.close();
    expect(ended).toEqual(['a closed', 'b closed']);
    expect(() => watch('c')).toThrow(expect.objectContaining({ status: 503 }) as Error);
  });
});
