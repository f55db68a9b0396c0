import { describe, expect, it } from 'vitest';
import { millis } from '#core/media/time.ts';
import { AbrRule } from './abr-rule.ts';
import { ThroughputProbe } from './throughput-probe.ts';
import { ThroughputEstimator } from './throughput.ts';

const rungs = [478_000, 828_000, 1_328_000, 2_628_000];
const part = 200;
const partsPerSegment = 5;

type Link = {
  /** Bits per second at an instant. */
  readonly rate: (now: number) => number;
  /** Bytes that pass at once after a rest, as a token bucket lets them; refilled at the link's rate. */
  readonly burst?: number;
};

type Switch = { readonly at: number; readonly from: number; readonly to: number };

type Played = { readonly switches: Switch[]; readonly stalled: number; readonly probes: number };

/** Plays live over a simulated link in steps of 10 ms: parts one by one, switches at segments unless urgent. */
function play(link: Link, seconds: number, guess = 3_000_000): Played {
  const rule = new AbrRule();
  const estimator = new ThroughputEstimator();
  const switches: Switch[] = [];
  let rung = rule.start(rungs, guess);
  let tokens = link.burst ?? 0;
  let playhead = -500;
  let bufferEnd = -500 + 200;
  let stalled = 0;
  let probes = 0;
  let next = 0;
  let loading: { start: number; firstByte: number; size: number; loaded: number } | undefined;
  let probe: ThroughputProbe | undefined;
  for (let now = 0; now < seconds * 1_000; now += 10) {
    const rate = link.rate(now);
    tokens = Math.min(tokens + (rate * 10) / 8_000, Math.max(link.burst ?? 0, (rate * 10) / 8_000));
    if (loading === undefined && now >= (next + 1) * part + 50) {
      loading = { start: now, firstByte: now + 10, size: ((rungs[rung] ?? 0) * part) / 8_000, loaded: 0 };
    }
    if (probe !== undefined) {
      const share = loading === undefined ? tokens : tokens / 2;
      tokens -= share;
      if (share > 0 && probe.received(millis(now), share)) {
        rule.probed(millis(now), probe.throughput);
        if (probe.tail !== undefined) {
          estimator.add(probe.tail);
        }
        probe = undefined;
      }
    }
    if (loading !== undefined && now >= loading.firstByte) {
      const sent = Math.min(tokens, loading.size - loading.loaded);
      loading.loaded += sent;
      tokens -= sent;
      if (loading.loaded >= loading.size - 0.5) {
        const done = { start: millis(loading.start), firstByte: millis(loading.firstByte), end: millis(now), bytes: loading.size };
        estimator.add(done);
        probe?.alongside(done);
        next += 1;
        bufferEnd = next * part;
        loading = undefined;
      }
    }
    if (bufferEnd - playhead > 10) {
      playhead += 10;
    } else {
      stalled += 10;
    }
    const decision = rule.decide({
      now: millis(now),
      buffer: millis(bufferEnd - playhead),
      part: millis(part),
      rungs,
      current: rung,
      estimate: estimator.estimate,
      inFlight: loading && { elapsed: millis(now - loading.start), loadedBytes: loading.loaded, expectedBytes: loading.size },
    });
    if (decision.probe && probe === undefined) {
      probe = new ThroughputProbe();
      probes += 1;
    }
    const atSegment = loading === undefined && next % partsPerSegment === 0;
    if (decision.rung !== rung && (decision.urgent || atSegment)) {
      if (decision.urgent && loading !== undefined) {
        estimator.add({ start: millis(loading.start), firstByte: millis(loading.firstByte), end: millis(now), bytes: loading.loaded });
        loading = undefined;
        next -= next % partsPerSegment;
      }
      rule.switched(millis(now), rung, decision.rung);
      switches.push({ at: now, from: rung, to: decision.rung });
      rung = decision.rung;
    }
  }
  return { switches, stalled, probes };
}

describe('the choice of the rung', () => {
  it('begins with the highest rung that a guess carries', () => {
    const rule = new AbrRule();
    expect(rule.start(rungs, 100_000)).toBe(0);
    expect(rule.start(rungs, 2_000_000)).toBe(2);
    expect(rule.start(rungs, 3_000_000)).toBe(2);
    expect(rule.start(rungs, 50_000_000)).toBe(3);
    expect(rule.start([900_000], 1)).toBe(0);
  });

  it('moves down within 3 s and up within 15 s under 4, 1 and 4 Mbit/s', () => {
    const { switches, stalled } = play({ rate: (now) => (now >= 30_000 && now < 60_000 ? 1_000_000 : 4_000_000) }, 120, 5_000_000);
    const down = switches.find((each) => each.at >= 30_000);
    expect(down?.to).toBeLessThan(2);
    expect(down?.at).toBeLessThan(33_000);
    const up = switches.find((each) => each.at >= 60_000);
    expect(up?.to).toBeGreaterThan(1);
    expect(up?.at).toBeLessThan(68_000);
    expect(switches.find((each) => each.to === 3)?.at).toBeLessThan(75_000);
    expect(switches.filter((each) => each.at >= 33_000 && each.at < 60_000).length).toBeLessThanOrEqual(1);
    expect(stalled).toBeLessThan(1_500);
  });

  for (const rate of [600_000, 900_000, 1_000_000, 1_400_000, 2_000_000, 2_800_000, 4_000_000, 30_000_000]) {
    for (const burst of [0, 16_000, 64_000]) {
      it(`switches at most twice a minute at a constant ${rate / 1e6} Mbit/s${burst > 0 ? ` that lets ${burst} bytes pass at once` : ''}`, () => {
        const { switches } = play({ rate: () => rate, burst }, 240);
        for (const { at } of switches) {
          const inMinute = switches.filter((each) => each.at >= at && each.at < at + 60_000);
          expect(inMinute.length, JSON.stringify(switches)).toBeLessThanOrEqual(2);
        }
      });
    }
  }

  it('reaches the rung that a link carries, from below', () => {
    const { switches } = play({ rate: () => 8_000_000 }, 30, 500_000);
    expect(switches.at(-1)?.to).toBe(3);
    expect(switches.length).toBe(1);
  });

  it('does not fill an ample link again and again, nor one that never carries more', () => {
    expect(play({ rate: () => 20_000_000 }, 120).probes).toBeLessThanOrEqual(1);
    expect(play({ rate: () => 1_000_000, burst: 64_000 }, 120).probes).toBeLessThan(9);
  });

  it('stays when a single part comes late on an ample link', () => {
    const { switches } = play({ rate: (now) => (now >= 20_000 && now < 20_250 ? 100_000 : 20_000_000) }, 60);
    expect(switches.length).toBeLessThanOrEqual(2);
  });

  it('keeps to the only rung there is', () => {
    const rule = new AbrRule();
    const input = { now: millis(0), buffer: millis(0), part: millis(200), rungs: [1_000_000], current: 0, estimate: 10_000 };
    expect(rule.decide({ ...input, inFlight: { elapsed: millis(5_000), loadedBytes: 10, expectedBytes: 25_000 } })).toMatchObject({ rung: 0, urgent: false });
  });
});
