import { describe, expect, it } from 'vitest';

import { millis } from '../../media/time.ts';
import { LossControl } from './loss-control.ts';
import { LossWindow } from './loss-window.ts';
import { PacketGroups } from './packet-groups.ts';
import { RateControl } from './rate-control.ts';
import { RateWindow } from './rate-window.ts';
import { ReceiverDriven } from './receiver-driven.ts';
import { SentPackets } from './sent-packets.ts';
import { StandingQueue } from './standing-queue.ts';
import { Trendline } from './trendline.ts';

describe('sent packets', () => {
  it('are found by the 16 bits of their number, over its wrap and while the ring grows', () => {
    const packets = new SentPackets(65_000);
    for (let i = 0; i < 3000; i += 1) {
      packets.add(100 + (i % 1000), millis(i / 10), i % 7);
    }
    for (const i of [0, 535, 536, 2999]) {
      const sequence = packets.unwrap((65_000 + i) & 0xffff);
      expect([packets.has(sequence), packets.sentAt(sequence), packets.bytes(sequence), packets.cluster(sequence)]).toEqual([true, i / 10, 100 + (i % 1000), i % 7]);
    }
  });

  it('keep to 4,096, and to what is not older than feedback can be', () => {
    const packets = new SentPackets(1);
    for (let i = 0; i < 10_000; i += 1) {
      packets.add(100, millis(0), 0);
    }
    expect([packets.has(10_000), packets.has(10_000 - 4095), packets.has(10_000 - 4096), packets.has(10_001)]).toEqual([true, true, false, false]);
    const slow = new SentPackets(1);
    for (let i = 0; i < 1000; i += 1) {
      slow.add(100, millis(i * 20), 0);
    }
    expect(slow.has(1000 - 256)).toBe(false);
  });

  it('are unknown when never sent, or sent on another path', () => {
    const packets = new SentPackets(100);
    packets.add(100, millis(0), 0);
    expect([99, 100, 101, 40_000].map((sequence) => packets.has(packets.unwrap(sequence)))).toEqual([false, true, false, false]);
    packets.forget();
    packets.add(100, millis(0), 0);
    expect([100, 101].map((sequence) => packets.has(packets.unwrap(sequence)))).toEqual([false, true]);
  });
});

describe('a rate', () => {
  it('is that of the whole bins, whatever the order of the packets', () => {
    const rate = new RateWindow();
    const times = Array.from({ length: 100 }, (_, i) => i * 10);
    for (let i = 0; i < times.length; i += 2) {
      rate.add(millis(times[i + 1]!), 1250);
      rate.add(millis(times[i]!), 1250);
    }
    // A packet of 1,250 bytes every 10 ms, and the newest without the time that follows it.
    expect(rate.rate(millis(500))! / 1e6).toBeCloseTo(1, 1);
    expect(rate.rateUntil(millis(1000), millis(500))! / 1e6).toBeCloseTo(1, 5);
    expect(rate.rateUntil(millis(1200), millis(500))! / 1e6).toBeCloseTo(0.6, 1);
  });

  it('is unknown at first, and zero after a pause', () => {
    const rate = new RateWindow();
    expect(rate.rate(millis(500))).toBeUndefined();
    rate.add(millis(0), 1000);
    expect(rate.rate(millis(500))).toBeUndefined();
    expect(rate.rateUntil(millis(2000), millis(500))).toBe(0);
  });
});

it('a rate counts what came at once after a pause', () => {
  const rate = new RateWindow();
  [0, 10, 20, 30, 40, 50].forEach((at) => rate.add(millis(at), 1250));
  Array.from({ length: 30 }, () => rate.add(millis(350), 1250));
  expect(rate.rate(millis(100))).toBeGreaterThan(2e6);
});

describe('groups', () => {
  it('have the delay of their first packet, so that the size of a frame is none', () => {
    const groups = new PacketGroups();
    const delays: number[] = [];
    for (let frame = 0; frame < 4; frame += 1) {
      for (let i = 0; i < 3 + 5 * frame; i += 1) {
        const group = groups.push(millis(frame * 33), millis(1000 + frame * 33 + i * 2.4));
        if (group !== undefined) {
          delays.push(group.delay);
        }
      }
    }
    expect(delays).toEqual([1000, 1000, 1000]);
  });

  it('take what a radio link lets go together as one', () => {
    const groups = new PacketGroups();
    // Three packets 20 ms apart, held back until 150.
    expect(groups.push(millis(0), millis(100))).toBeUndefined();
    expect(groups.push(millis(20), millis(150))).toEqual({ arrival: 100, delay: 100 });
    expect(groups.push(millis(40), millis(151))).toBeUndefined();
    expect(groups.push(millis(60), millis(160))).toEqual({ arrival: 151, delay: 111 });
  });

  it('are not touched by a packet of an older one', () => {
    const groups = new PacketGroups();
    groups.push(millis(100), millis(200));
    expect(groups.push(millis(50), millis(201))).toBeUndefined();
    expect(groups.push(millis(120), millis(220))).toEqual({ arrival: 200, delay: 100 });
  });
});

describe('the trend line', () => {
  const run = (delay: (at: number) => number, groups: number): string[] => {
    const trend = new Trendline();
    return Array.from({ length: groups }, (_, i) => trend.add(millis(i * 20 + delay(i * 20)), millis(delay(i * 20))));
  };

  it('is normal on a line without a queue, over while one grows, under while it drains', () => {
    expect(new Set(run(() => 30, 100))).toEqual(new Set(['normal']));
    expect(run((at) => Math.max(0, at - 500) * 0.3, 60).slice(-10)).toContain('over');
    expect(run((at) => Math.max(0, 600 - at) * 0.5, 30).at(-1)).toBe('under');
  });

  it('sees a queue that grows by 30 % within half a second', () => {
    const usages = run((at) => Math.max(0, at - 1000) * 0.3, 100);
    const seen = usages.indexOf('over') * 20;
    expect(seen).toBeGreaterThan(1000);
    expect(seen).toBeLessThan(1500);
  });
});

describe('the standing queue', () => {
  it('is the low edge of the delay above the least of ten seconds', () => {
    const queue = new StandingQueue();
    for (let i = 0; i < 100; i += 1) {
      queue.add(millis(i * 15), millis(500 + (i % 4) * 10));
    }
    expect([queue.delay, queue.stands]).toEqual([0, false]);
    for (let i = 100; i < 110; i += 1) {
      queue.add(millis(i * 15), millis(560 + (i % 4) * 10));
    }
    expect([queue.delay, queue.stands]).toEqual([60, true]);
  });

  it('forgets a lower delay after ten seconds: clocks drift, routes change', () => {
    const queue = new StandingQueue();
    for (let at = 0; at < 3000; at += 20) {
      queue.add(millis(at), millis(100));
    }
    for (let at = 3000; at < 14_500; at += 20) {
      queue.add(millis(at), millis(180));
    }
    expect(queue.delay).toBe(0);
  });
});

describe('loss', () => {
  it('is counted over a second, what arrives late taken back', () => {
    const window = new LossWindow();
    for (let i = 0; i < 100; i += 1) {
      window.add(i % 10 === 0, false, millis(i * 5));
    }
    expect(window.share(millis(500))).toEqual({ loss: 0.1, packets: 100 });
    window.add(false, true, millis(500));
    expect(window.share(millis(500))).toEqual({ loss: 0.09, packets: 100 });
    expect(window.share(millis(2000)).packets).toBe(0);
  });

  it('is certain only of what many packets show', () => {
    const window = new LossWindow();
    [true, true, false, false].forEach((missing) => window.add(missing, false, millis(0)));
    expect(window.certain(millis(0))).toBe(0);
  });

  it('sets the bound to what gets through, and learns what does not go away', () => {
    const control = new LossControl();
    const second = (share: number, from: number): void => {
      for (let i = 0; i < 200; i += 1) {
        control.window.add(i % 100 < share * 100, false, millis(from + i * 5));
      }
    };
    second(0.05, 0);
    expect(control.update(2e6, 1.9e6, millis(999))).toBeUndefined();
    second(0.4, 1000);
    expect(control.update(2e6, 1.2e6, millis(1999))).toBeCloseTo(0.95 * 1.2e6);
    // Half is sent, and still 40 % is lost: the path's own, up to 30 %.
    second(0.4, 2000);
    second(0.4, 3000);
    expect(control.update(1e6, 0.6e6, millis(3999))).toBeUndefined();
    expect(control.inherent).toBeCloseTo(0.3);
  });
});

describe('the rate', () => {
  it('falls to 0.85 of what arrives, once in a round trip, and not below the least', () => {
    const rate = new RateControl(2e6, 50e3, 20e6);
    expect(rate.update({ usage: 'over', heavy: true }, { steady: 1e6, recent: 1.2e6 }, true, millis(100), millis(0))).toBe(true);
    expect(rate.estimate).toBeCloseTo(1.02e6);
    expect(rate.update({ usage: 'over', heavy: true }, { steady: 0.9e6, recent: 0.9e6 }, true, millis(100), millis(100))).toBe(false);
    expect(rate.update({ usage: 'over', heavy: true }, { steady: 0.3e6, recent: 0.3e6 }, true, millis(100), millis(110))).toBe(true);
    rate.lower(1, millis(200));
    expect(rate.estimate).toBe(50e3);
  });

  it('falls by little while little waits, and not below what arrives', () => {
    const rate = new RateControl(8e6, 50e3, 20e6);
    const over = (at: number): boolean => rate.update({ usage: 'over', heavy: false }, { steady: 2e6, recent: 2e6 }, false, millis(50), millis(at));
    expect(over(0)).toBe(true);
    expect(rate.estimate).toBeCloseTo(6.8e6);
    for (let at = 200; at < 5000; at += 200) {
      over(at);
    }
    expect(rate.estimate).toBe(2e6);
  });

  it('grows by 8 % in a second, up to 1.5 times what arrives', () => {
    const rate = new RateControl(1e6, 50e3, 20e6);
    for (let at = 0; at <= 1000; at += 100) {
      rate.update({ usage: 'normal', heavy: false }, { steady: 0.9e6, recent: 0.9e6 }, true, millis(50), millis(at));
    }
    expect(rate.estimate / 1e6).toBeCloseTo(1.08, 3);
    for (let at = 1100; at <= 20_000; at += 100) {
      rate.update({ usage: 'normal', heavy: false }, { steady: 0.9e6, recent: 0.9e6 }, true, millis(50), millis(at));
    }
    expect(rate.estimate).toBe(1.5 * 0.9e6 + 10_000);
  });

  it('grows by a packet in a response time where the last over-use was', () => {
    const rate = new RateControl(1e6, 50e3, 20e6);
    rate.update({ usage: 'over', heavy: true }, { steady: 1e6, recent: 1e6 }, true, millis(100), millis(0));
    for (let at = 1000; at <= 2000; at += 100) {
      rate.update({ usage: 'normal', heavy: false }, { steady: 0.85e6, recent: 0.85e6 }, true, millis(100), millis(at));
    }
    expect(rate.estimate).toBeCloseTo(0.85e6 + 5 * 9600, -1);
  });
});

describe('without transport-wide feedback', () => {
  const report = (receiver: ReceiverDriven, loss: number, from: number, seconds: number): void => {
    for (let i = 0; i < seconds; i += 1) {
      receiver.report(loss, 3e6, millis(from + i * 1000));
    }
  };

  it('the rate follows the loss in receiver reports', () => {
    const rate = new RateControl(1e6, 50e3, 20e6);
    const receiver = new ReceiverDriven(rate);
    report(receiver, 0, 0, 11);
    expect(rate.estimate).toBeCloseTo(1e6 * 1.08 ** 10, -1);
    report(receiver, 0, 11_000, 60);
    expect(rate.estimate).toBe(3e6);
    report(receiver, 0.05, 80_000, 5);
    expect(rate.estimate).toBe(3e6);
    report(receiver, 0.5, 90_000, 1);
    expect(rate.estimate).toBe(2.25e6);
  });

  it('REMB is the estimate, unless loss says less', () => {
    const rate = new RateControl(1e6, 50e3, 20e6);
    const receiver = new ReceiverDriven(rate);
    receiver.remb(2e6, millis(0));
    expect(rate.estimate).toBe(2e6);
    receiver.remb(0.5e6, millis(100));
    expect(rate.estimate).toBe(0.5e6);
    receiver.report(0.3, 3e6, millis(200));
    receiver.remb(2e6, millis(300));
    expect(rate.estimate).toBe(0.5e6 * 0.85);
  });
});
