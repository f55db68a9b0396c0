import { describe, expect, it } from 'vitest';
import { millis } from '#core/media/time.ts';
import { LatencyController } from './latency-controller.ts';

/** How the parts of a simulated broadcast arrive. */
type Trace = {
  /** Milliseconds of media per part. */
  readonly part: number;
  /** From a part's last frame to its being in the buffer, by the number of the part. */
  readonly delay: (index: number) => number;
  /** Latency the player starts at. */
  readonly startLatency: number;
  readonly seconds: number;
};

type Sample = { readonly at: number; readonly latency: number; readonly rate: number; readonly target: number };

/** Plays a trace with the controller in the loop, in steps of 10 ms; the playhead stands still where nothing is buffered. */
function play(trace: Trace, controller = new LatencyController()): { samples: Sample[]; stalls: number } {
  const samples: Sample[] = [];
  let stalls = 0;
  let playhead = 10_000 - trace.startLatency;
  let bufferEnd = playhead;
  let rate = 1;
  let waitingSince: number | undefined = 0;
  let next = Math.ceil(playhead / trace.part);
  for (let now = 10_000; now < 10_000 + trace.seconds * 1_000; now += 10) {
    while (now >= (next + 1) * trace.part + trace.delay(next)) {
      bufferEnd = (next + 1) * trace.part;
      next += 1;
    }
    if (bufferEnd <= playhead) {
      if (waitingSince === undefined) {
        stalls += 1;
        waitingSince = now;
      }
    } else if (waitingSince === undefined || bufferEnd - playhead > 50) {
      if (waitingSince !== undefined && samples.length > 0) {
        controller.stalled(millis(now - waitingSince));
      }
      waitingSince = undefined;
      playhead = Math.min(playhead + 10 * rate, bufferEnd);
    }
    if (now % 50 === 0 && waitingSince === undefined) {
      const out = controller.step({
        now: millis(now),
        latency: millis(now - playhead),
        buffer: millis(bufferEnd - playhead),
        part: millis(trace.part),
      });
      rate = out.rate;
      playhead = Math.min(playhead + (out.jump ?? 0), bufferEnd);
      samples.push({ at: now - 10_000, latency: now - playhead, rate, target: out.target });
    }
  }
  return { samples, stalls };
}

function latencies(samples: Sample[], fromSecond: number): number[] {
  return samples.filter((sample) => sample.at >= fromSecond * 1_000).map((sample) => sample.latency).sort((a, b) => a - b);
}

function percentile(sorted: number[], share: number): number {
  return sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? Number.NaN;
}

/** A repeatable noise from 0 to 1. */
function noise(index: number): number {
  return ((Math.imul(index + 1, 2_654_435_761) >>> 8) % 1_000) / 1_000;
}

describe('the latency controller', () => {
  it('comes down to a part, the way and the reserve, and stays there without a stall', () => {
    const { samples, stalls } = play({ part: 200, delay: (i) => 80 + 20 * noise(i), startLatency: 900, seconds: 60 });
    const late = latencies(samples, 20);
    expect(stalls).toBe(0);
    // 200 ms of a part, 100 ms of its way, 220 ms of reserve.
    expect(percentile(late, 0.5)).toBeLessThan(560);
    expect(percentile(late, 0.95)).toBeLessThan(580);
    expect(percentile(late, 0.05)).toBeGreaterThan(460);
  });

  it('does not swing around the target', () => {
    const { samples } = play({ part: 200, delay: () => 80, startLatency: 900, seconds: 60 });
    const changes = samples.filter((sample, i) => sample.at > 20_000 && sample.rate !== samples[i - 1]?.rate);
    expect(changes.length).toBeLessThan(5);
  });

  it('moves away from the edge when a slower rendition begins, without a stall', () => {
    const { samples, stalls } = play({ part: 200, delay: (i) => (i < 150 ? 60 : 130), startLatency: 600, seconds: 60 });
    expect(stalls).toBe(0);
    expect(percentile(latencies(samples, 40), 0.5)).toBeGreaterThan(520);
    expect(percentile(latencies(samples, 40), 0.5)).toBeLessThan(600);
  });

  it('backs off after a stall and comes closer again when the network is calm', () => {
    // For five seconds every fourth part is late by most of a second.
    const rough = (i: number) => (i >= 100 && i < 125 && i % 4 === 0 ? 800 : 80);
    const { samples, stalls } = play({ part: 200, delay: rough, startLatency: 600, seconds: 400 });
    expect(stalls).toBeGreaterThan(0);
    expect(stalls).toBeLessThan(4);
    expect(percentile(latencies(samples, 26), 0.99)).toBeGreaterThan(700);
    expect(percentile(latencies(samples, 360), 0.5)).toBeLessThan(600);
  });

  it('is back at its latency soon after one long interruption', () => {
    const { samples, stalls } = play({ part: 200, delay: (i) => (i >= 100 && i < 130 ? Math.max(6_080 - (i - 100) * 200, 80) : 80), startLatency: 600, seconds: 90 });
    expect(stalls).toBe(1);
    expect(percentile(latencies(samples, 36), 0.95)).toBeLessThan(1_000);
  });

  it('keeps more in reserve on a restless network', () => {
    const calm = play({ part: 200, delay: () => 80, startLatency: 800, seconds: 60 });
    const restless = play({ part: 200, delay: (i) => 80 + 160 * noise(i), startLatency: 800, seconds: 60 });
    expect(restless.stalls).toBe(0);
    expect(percentile(latencies(restless.samples, 30), 0.5)).toBeGreaterThan(percentile(latencies(calm.samples, 30), 0.5) + 120);
  });

  it('never leaves 0.95 to 1.05', () => {
    const { samples } = play({ part: 200, delay: (i) => (i % 50 === 0 ? 900 : 60), startLatency: 2_500, seconds: 60 });
    for (const { rate } of samples) {
      expect(rate).toBeGreaterThanOrEqual(0.95);
      expect(rate).toBeLessThanOrEqual(1.05);
    }
  });

  it('goes near the live edge at once when much is loaded at the start, and only then', () => {
    const ask = (controller: LatencyController, now: number, latency: number): number | undefined =>
      controller.step({ now: millis(now), latency: millis(latency), buffer: millis(latency - 200), part: millis(200) }).jump;
    const full = new LatencyController();
    expect([ask(full, 0, 1_500), ask(full, 150, 1_500), ask(full, 200, 1_500)]).toEqual([undefined, 800, undefined]);
    const lean = new LatencyController();
    expect([ask(lean, 0, 900), ask(lean, 150, 900), ask(lean, 200, 1_500)]).toEqual([undefined, undefined, undefined]);
  });

  it('jumps a little in the first seconds and only far later', () => {
    const controller = new LatencyController();
    const ask = (now: number, latency: number): number | undefined =>
      controller.step({ now: millis(now), latency: millis(latency), buffer: millis(latency - 250), part: millis(200) }).jump;
    for (let now = 0; now <= 1_500; now += 50) {
      expect(ask(now, 1_100)).toBeUndefined();
    }
    expect(ask(1_650, 1_100)).toBeCloseTo(1_100 - 250 - 220, 0);
    for (let now = 1_700; now <= 8_000; now += 50) {
      expect(ask(now, 470)).toBeUndefined();
    }
    expect(ask(8_050, 2_000)).toBeUndefined();
    expect(ask(8_100, 6_000)).toBeCloseTo(6_000 - 470, 0);
  });

  it('learns nothing from the haste of the start', () => {
    const controller = new LatencyController();
    controller.stalled(millis(300));
    let target = 0;
    for (let now = 0; now <= 3_000; now += 50) {
      const age = now < 500 ? 1_400 : 280;
      target = controller.step({ now: millis(now), latency: millis(1_450), buffer: millis(1_450 - age), part: millis(200) }).target;
    }
    expect(target).toBeCloseTo(280 + 220, 0);
  });
});
