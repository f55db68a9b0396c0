import { describe, expect, it } from 'vitest';

import { millis } from '../../media/time.ts';
import { Pacer, type Pace, type Paced } from './pacer.ts';

const PACKET = 1200;

type Frame = Paced & { readonly name: string };

function frame(name: string, packets: number, key = false): Frame {
  return { name, key, packets, bytes: packets * PACKET };
}

function at(estimate: number): Pace {
  return { estimate, jammed: false };
}

/** Lets a pacer go for some time in steps of 5 ms. @returns what went when. */
function drain(pacer: Pacer<Frame>, pace: Pace, from: number, time: number): { at: number; name: string; index: number }[] {
  const sent: { at: number; name: string; index: number }[] = [];
  for (let now = from + 5; now <= from + time; now += 5) {
    pacer.release(pace, millis(now), ({ name }, index) => (sent.push({ at: now, name, index }), PACKET));
  }
  return sent;
}

describe('the pacer', () => {
  it('sends frames in their order, each packet once', () => {
    const pacer = new Pacer<Frame>();
    pacer.push(frame('a', 12), at(1e6), millis(0));
    pacer.push(frame('b', 3), at(1e6), millis(0));
    const sent = drain(pacer, at(1e6), 0, 500);
    expect(sent.map(({ name, index }) => `${name}${index}`)).toEqual([
      ...Array.from({ length: 12 }, (_, i) => `a${i}`), 'b0', 'b1', 'b2',
    ]);
    expect([pacer.empty, pacer.bytes, pacer.packets]).toEqual([true, 0, 0]);
  });

  it('goes at 2.5 times the estimate when little waits', () => {
    const pacer = new Pacer<Frame>();
    pacer.push(frame('a', 40, true), at(4e6), millis(0));
    const last = drain(pacer, at(4e6), 0, 500).at(-1)!;
    // 48 kB at 10 Mbit/s.
    expect(last.at).toBeGreaterThanOrEqual(35);
    expect(last.at).toBeLessThanOrEqual(45);
  });

  it('goes faster when much waits, but not above 6 times the estimate', () => {
    const pacer = new Pacer<Frame>();
    pacer.push(frame('a', 200, true), at(1e6), millis(0));
    const last = drain(pacer, at(1e6), 0, 1000).at(-1)!;
    // 240 kB: at 6 Mbit/s at best 320 ms, at 2.5 Mbit/s 768 ms.
    expect(last.at).toBeGreaterThanOrEqual(320);
    expect(last.at).toBeLessThanOrEqual(600);
  });

  it('goes at less than the estimate in a jam, however much waits', () => {
    const pacer = new Pacer<Frame>();
    const jam = { estimate: 0.8e6, jammed: true };
    pacer.push(frame('a', 30, true), jam, millis(0));
    const sent = drain(pacer, jam, 0, 2000);
    // 36 kB at 0.6 Mbit/s, never two packets at once.
    expect(sent.at(-1)!.at).toBeGreaterThanOrEqual(440);
    expect(sent.at(-1)!.at).toBeLessThanOrEqual(490);
    expect(new Set(sent.map(({ at: when }) => when)).size).toBe(30);
  });

  it('makes up for a late timer by 20 ms at most', () => {
    const pacer = new Pacer<Frame>();
    pacer.push(frame('a', 100, true), at(1e6), millis(0));
    let sent = 0;
    pacer.release(at(1e6), millis(500), () => ((sent += 1), PACKET));
    expect(sent).toBeLessThanOrEqual(Math.ceil((6e6 * 0.02) / 8 / PACKET) + 1);
  });

  it('lets the head of a frame go at once, and never that of a second one', () => {
    const pacer = new Pacer<Frame>();
    pacer.push(frame('a', 4), at(1e6), millis(0));
    pacer.push(frame('b', 30), at(1e6), millis(0));
    const names: string[] = [];
    pacer.burst(({ name }) => (names.push(name), PACKET));
    expect(names).toEqual(['a', 'a', 'a', 'a']);
    pacer.burst(({ name }) => (names.push(name), PACKET));
    expect(names.length).toBe(14);
  });

  it('refuses what would wait for more than a second, then everything but a key frame', () => {
    const pacer = new Pacer<Frame>();
    expect(pacer.push(frame('key', 400, true), at(1e6), millis(0))).toBe(true);
    expect(pacer.push(frame('a', 200), at(1e6), millis(0))).toBe(true);
    expect(pacer.push(frame('b', 100), at(1e6), millis(0))).toBe(false);
    expect(pacer.push(frame('c', 1), at(1e6), millis(0))).toBe(false);
    expect(pacer.skipped).toBe(2);
    // What was begun is finished, what was not makes room.
    pacer.burst(() => PACKET);
    expect(pacer.push(frame('new key', 30, true), at(1e6), millis(10))).toBe(true);
    expect(pacer.skipped).toBe(3);
    const sent = drain(pacer, at(1e6), 10, 3000);
    expect([...new Set(sent.map(({ name }) => name))]).toEqual(['key', 'new key']);
  });

  it('refuses behind a frame that has waited for a second', () => {
    const pacer = new Pacer<Frame>();
    pacer.push(frame('a', 30, true), at(1e6), millis(0));
    expect(pacer.push(frame('b', 1), at(1e6), millis(1001))).toBe(false);
  });

  it('is bounded in bytes whatever the estimate', () => {
    const pacer = new Pacer<Frame>();
    let pushed = 0;
    while (pacer.push(frame('a', 100), at(1e9), millis(0))) {
      pushed += 1;
    }
    expect(pushed * 100 * PACKET).toBeLessThanOrEqual(2_000_000);
  });
});
