import { describe, expect, it } from 'vitest';

import { parseRtcp } from '../../media/rtp/rtcp/parse.ts';
import { Harness } from './testing/harness.ts';
import { planOf, SimulatedStream } from './testing/simulated-publisher.ts';

/** A small deterministic random source (mulberry32): numbers in [0, 1). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const dictionary = [0x80, 0x90, 0xa0, 0xb0, 96, 97, 111, 224, 225, 0, 0xff, 0xbe, 0xde, 0x10];

/** A packet broken at random: bytes, length, order. */
function broken(packet: Uint8Array, dice: () => number): Uint8Array {
  const copy = packet.slice(0, dice() < 0.2 ? Math.floor(dice() * packet.length) : packet.length);
  for (let n = Math.floor(dice() * 6); n > 0 && copy.length > 0; n -= 1) {
    const at = dice() < 0.7 ? Math.floor(dice() * Math.min(40, copy.length)) : Math.floor(dice() * copy.length);
    copy[at] = dice() < 0.5 ? (dictionary[Math.floor(dice() * dictionary.length)] ?? 0) : Math.floor(dice() * 256);
  }
  return copy;
}

describe('hostile packets', () => {
  it.each(Array.from({ length: 12 }, (_, seed) => seed + 1))('of seed %i are borne: nothing thrown, what is held stays bounded, a sane stream still gets through', (seed) => {
    const dice = random(seed);
    const harness = new Harness(planOf(seed % 3 === 0 ? ['q', 'h'] : [], { feedback: seed % 2 === 0 ? 'transport-cc' : 'remb' }));
    const counter = { next: 0 };
    const streams = [
      new SimulatedStream({ ssrc: 1, mid: 'v', counter, ...(seed % 3 === 0 ? { rid: 'q' } : {}) }),
      new SimulatedStream({ ssrc: 50, mid: 'v', counter, ...(seed % 3 === 0 ? { rid: 'h' } : {}) }),
    ];
    const audio = new SimulatedStream({ ssrc: 90, mid: 'a', counter });
    let packets: Uint8Array[] = [];
    for (let n = 0; n < 600; n += 1) {
      for (const stream of streams) {
        stream.sequence += dice() < 0.05 ? Math.floor(dice() * 40_000) : 0;
        stream.timestamp += dice() < 0.02 ? Math.floor(dice() * 2 ** 31) : 0;
        packets.push(...stream.video({ key: dice() < 0.1, bytes: 20 + Math.floor(dice() * 4000) }));
      }
      packets.push(audio.audio(1 + Math.floor(dice() * 300)));
      if (dice() < 0.3) {
        packets = packets.toSorted(() => dice() - 0.5);
        for (const packet of packets) {
          const hurt = dice() < 0.4 ? broken(packet, dice) : packet;
          harness.receive(...(dice() < 0.1 ? [hurt, hurt] : [hurt]));
          harness.receiver.rtcp(broken(packet, dice), harness.now);
        }
        packets = [];
      }
      harness.pass(dice() * 40);
      expect(harness.receiver.held.packets).toBeLessThanOrEqual(2 * 2048 + 2);
      expect(harness.receiver.held.bytes).toBeLessThanOrEqual(3 * 4 * 1024 * 1024);
    }
    expect(harness.receiver.streams.length).toBeLessThanOrEqual(3);
    // All that was sent can be read.
    expect(harness.sent.every(({ packet }) => packet.kind !== 'unknown')).toBe(true);
    const asked = harness.ofKind('pli').length;
    expect(asked).toBeLessThan((harness.now / 150) * 2 + 10);
    harness.pass(2000);
    expect(harness.receiver.held).toEqual({ packets: 0, bytes: 0 });
    const sane = new SimulatedStream({ ssrc: 777, mid: 'v', sequence: 5, ...(seed % 3 === 0 ? { rid: 'q' } : {}) });
    const before = harness.units.length;
    for (let n = 0; n < 30; n += 1) {
      harness.receive(...sane.video({ key: n === 0, bytes: 3000 })).pass(33);
    }
    expect(harness.units.length - before).toBe(30);
  });

  it('ten thousand sources leave no more than one for each stream and its repair', () => {
    const harness = new Harness(planOf());
    for (let ssrc = 1; ssrc <= 10_000; ssrc += 1) {
      harness.receive(...new SimulatedStream({ ssrc, mid: 'v' }).video({ key: true, bytes: 900 }));
      harness.pass(1);
    }
    expect(harness.receiver.streams).toHaveLength(1);
    // One in 200 ms would be let in, if the first fell silent: it does.
    expect(harness.restarted.length).toBeLessThanOrEqual(50);
  });

  it('holes that are never filled hold no more than the bound, and the newest packets get through', () => {
    const harness = new Harness(planOf(), { rtt: 1000 });
    const video = new SimulatedStream({ ssrc: 1, mid: 'v' });
    harness.receive(...video.video({ key: true, bytes: 900 }));
    for (let n = 0; n < 4000; n += 1) {
      const packets = video.video({ key: false, bytes: 2900 });
      harness.receive(...packets.slice(1));
      expect(harness.receiver.held.packets).toBeLessThanOrEqual(2049);
    }
    harness.pass(250);
    expect(harness.receiver.held.packets).toBe(0);
    harness.receive(...video.video({ key: true, bytes: 900 }));
    expect(harness.units.at(-1)?.unit.key).toBe(true);
  });

  it('RTCP of random bytes is read as far as it goes', () => {
    const dice = random(99);
    const harness = new Harness(planOf());
    for (let n = 0; n < 3000; n += 1) {
      const bytes = Uint8Array.from({ length: Math.floor(dice() * 120) }, () => Math.floor(dice() * 256));
      bytes[0] = 0x80 | ((bytes[0] ?? 0) & 0x1f);
      bytes[1] = 200 + Math.floor(dice() * 8);
      harness.receiver.rtcp(bytes, harness.now);
      parseRtcp(bytes);
    }
    expect(harness.reports).toEqual([]);
  });
});
