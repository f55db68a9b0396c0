import { describe, expect, it } from 'vitest';

import type { SenderReport } from '#core/media/rtp/rtcp/packets.ts';
import { millis } from '#core/media/time.ts';

import { StreamClock } from './stream-clock.ts';

const video = { name: 'video' };
const lower = { name: 'lower' };
const audio = { name: 'audio' };

/** NTP seconds at which the simulated publisher's capture clock is 0. */
const NTP_ZERO = 3_900_000_000;

/** What a stream of a publisher looks like: its own random start, and how long frames are on their way. */
type Stream = { readonly key: object; readonly kind: 'video' | 'audio'; readonly rate: number; readonly start: number; readonly every: number; readonly delay: (n: number) => number };

const camera: Stream = { key: video, kind: 'video', rate: 90_000, start: 3_000_000_000, every: 1000 / 30, delay: () => 60 };
const microphone: Stream = { key: audio, kind: 'audio', rate: 48_000, start: 12_345, every: 20, delay: () => 25 };

function report(stream: Stream, at: number, ntpError = 0): SenderReport {
  const seconds = NTP_ZERO + (at + ntpError) / 1000;
  return {
    kind: 'sender-report',
    ssrc: 1,
    ntpSeconds: Math.floor(seconds),
    ntpFraction: Math.round((seconds % 1) * 2 ** 32),
    rtpTimestamp: Math.round(stream.start + (at * stream.rate) / 1000) >>> 0,
    packetCount: 0,
    octetCount: 0,
    reports: [],
  };
}

type Reading = { readonly key: object; readonly at: number; readonly common: number };

/** Runs streams through a clock, with sender reports at given times, in the order of arrival. */
function run(streams: readonly Stream[], options: { readonly seconds: number; readonly reports?: readonly { readonly stream: Stream; readonly at: number; readonly error?: number }[] }): Reading[] {
  const clock = new StreamClock<object>();
  const events = streams.flatMap((stream) =>
    Array.from({ length: Math.floor((options.seconds * 1000) / stream.every) }, (_, n) => ({ stream, at: n * stream.every, arrival: n * stream.every + stream.delay(n), report: undefined as SenderReport | undefined })),
  );
  for (const { stream, at, error } of options.reports ?? []) {
    events.push({ stream, at, arrival: at + 30, report: report(stream, at, error) });
  }
  const readings: Reading[] = [];
  for (const { stream, at, arrival, report: told } of events.sort((a, b) => a.arrival - b.arrival)) {
    if (told) {
      clock.senderReport(stream.key, told, stream.rate);
    } else {
      const timestamp = Math.round(stream.start + (at * stream.rate) / 1000);
      readings.push({ key: stream.key, at, common: clock.read(stream.key, stream.kind, timestamp, stream.rate, millis(5_000_000 + arrival)) / 90 });
    }
  }
  return readings;
}

/** How far a stream is from its true place beside another, in milliseconds, over time. */
function errors(readings: readonly Reading[], key: object, beside: object): { readonly at: number; readonly error: number }[] {
  const zero = readings.find((reading) => reading.key === beside);
  return readings.filter((reading) => reading.key === key).map(({ at, common }) => ({ at, error: common - (zero?.common ?? 0) - (at - (zero?.at ?? 0)) }));
}

describe('one clock for all streams', () => {
  it('aligns them by their arrival until reports come, which is wrong only by the difference of their delays', () => {
    const late = errors(run([camera, microphone], { seconds: 5 }), audio, video);
    expect(late.every(({ error }) => Math.abs(error - -35) < 1 || Math.abs(error) <= 36)).toBe(true);
    expect(late.at(-1)?.error).toBeCloseTo(-35, 0);
  });

  it('leads sound to its true place once both were reported, and nothing ever jumps', () => {
    const reports = [1, 2, 3, 4, 5, 6, 7, 8].flatMap((second) => [
      { stream: camera, at: second * 1000 },
      ...(second >= 3 ? [{ stream: microphone, at: second * 1000 + 400 }] : []),
    ]);
    const readings = run([camera, microphone], { seconds: 9, reports });
    const sound = errors(readings, audio, video);
    expect(sound.find(({ at }) => at >= 3000)?.error).toBeCloseTo(-35, 0);
    expect(Math.abs(sound.at(-1)?.error ?? NaN)).toBeLessThan(1);
    const steps = sound.slice(1).map(({ error }, n) => Math.abs(error - (sound[n]?.error ?? 0)));
    // 20 ms of sound are moved by a fifth of a millisecond, in the first second and a half by four.
    expect(Math.max(...steps.slice(100))).toBeLessThanOrEqual(0.22);
    expect(Math.max(...steps)).toBeLessThanOrEqual(4.1);
    // The picture is never moved: its steps are exact.
    const picture = errors(readings, video, video);
    expect(picture.every(({ error }) => Math.abs(error) < 0.02)).toBe(true);
  });

  it('does not believe reports of clocks that have nothing to do with each other', () => {
    const reports = [1, 2, 3].flatMap((second) => [{ stream: camera, at: second * 1000 }, { stream: microphone, at: second * 1000, error: 40_000 }]);
    const sound = errors(run([camera, microphone], { seconds: 6, reports }), audio, video);
    expect(sound.at(-1)?.error).toBeCloseTo(-35, 0);
  });

  it('takes the least delayed packets where the first one was late', () => {
    const burdened = { ...camera, delay: (n: number) => (n < 3 ? 300 : 60) };
    const sound = errors(run([microphone, burdened], { seconds: 6 }), audio, video);
    expect(Math.abs((sound.at(-1)?.error ?? NaN) - -35)).toBeLessThan(2);
  });

  it('runs through the wrap of timestamps', () => {
    const wrapping = { ...camera, start: 2 ** 32 - 45_000 };
    const readings = run([wrapping, microphone], { seconds: 3, reports: [{ stream: wrapping, at: 1500 }, { stream: microphone, at: 1600 }] });
    expect(errors(readings, video, video).every(({ error }) => Math.abs(error) < 0.02)).toBe(true);
    expect(Math.abs(errors(readings, audio, video).at(-1)?.error ?? NaN)).toBeLessThan(36);
  });

  it('finds that layers show the same frames, and gives these the same timestamps to the tick', () => {
    const layer: Stream = { ...camera, key: lower, start: 77, delay: (n) => 50 + (n % 5) * 6 };
    const jittered = [camera, layer].map((stream) => ({ ...stream, delay: (n: number) => stream.delay(n) + (n % 3) * 4 }));
    const readings = run(jittered, { seconds: 4, reports: [{ stream: camera, at: 1000 }, { stream: layer, at: 1000, error: 2 }] });
    const of = (key: object): number[] => readings.filter((reading) => reading.key === key).map(({ common }) => common);
    expect(of(lower).slice(45)).toEqual(of(video).slice(45));
  });

  it('a stream that begins anew is placed by its arrival, and another one leads meanwhile', () => {
    const clock = new StreamClock<object>();
    const read = (key: object, timestamp: number, arrival: number): number => clock.read(key, 'video', timestamp, 90_000, millis(arrival)) / 90;
    const first = read(video, 1000, 100);
    read(lower, 5_000_000, 100);
    clock.restart(video);
    read(lower, 5_000_000 + 90_000, 1100);
    expect(read(video, 777_000_000, 2100) - first).toBeCloseTo(2000, 1);
  });
});
