import { describe, expect, it } from 'vitest';
import { framesPerPart, partTarget } from '#core/media/parts.ts';
import { ticksToMillis, type Ticks } from '#core/media/time.ts';
import type { TrackConfig } from '#core/media/track.ts';
import { PartCutter, type PartSpan } from './part-cutter.ts';
import { audioConfig, videoConfig, videoFrame } from './testing/frames.ts';

type Timed = { readonly dts: number; readonly duration: number };

function cut(config: TrackConfig, frames: readonly Timed[], next?: number): PartSpan[] {
  const spans: PartSpan[] = [];
  const cutter = new PartCutter(config, (span) => spans.push(span));
  frames.forEach(({ dts, duration }, index) =>
    cutter.push(videoFrame({ group: 100, index, dts: dts as Ticks, pts: dts as Ticks, duration: duration as Ticks })),
  );
  cutter.close(next as Ticks | undefined);
  return spans;
}

/** Frames at places of the 30 fps grid. */
const at = (...places: readonly number[]): Timed[] => places.map((place) => ({ dts: place * 3000, duration: 3000 }));
const run = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, n) => from + n);

/** Spans as `start-end: frames`, in frames of the grid. */
const shown = (spans: readonly PartSpan[]): string[] =>
  spans.map(({ start, end, frames }) => `${start / 3000}-${end / 3000}: ${frames.map((frame) => frame.dts / 3000).join(' ')}`);

describe('parts of a constant rate', () => {
  it.each([
    { rate: '23.976', frameDuration: 3753.75 },
    { rate: '24', frameDuration: 3750 },
    { rate: '25', frameDuration: 3600 },
    { rate: '29.97', frameDuration: 3003 },
    { rate: '30', frameDuration: 3000 },
    { rate: '50', frameDuration: 1800 },
    { rate: '59.94', frameDuration: 1501.5 },
    { rate: '60', frameDuration: 1500 },
    { rate: '144', frameDuration: 625 },
  ])('hold the same number of frames at $rate fps, from any tick on', ({ frameDuration }) => {
    const config = { ...videoConfig, frameDuration };
    for (const first of [0, 1, 12_345, 2 ** 40 + 7]) {
      const grid = (n: number): number => first + Math.round(n * frameDuration);
      for (const offset of [0, 1, 2, 3]) {
        const count = framesPerPart(config) * 7;
        const spans = cut(config, run(offset, offset + count).map((n) => ({ dts: grid(n), duration: grid(n + 1) - grid(n) })));
        expect(spans.map((span) => span.frames.length)).toEqual(Array.from({ length: 7 }, () => framesPerPart(config)));
        for (const span of spans) {
          expect(span.start).toBe(span.frames[0]?.dts);
          expect(ticksToMillis((span.end - span.start) as Ticks, config.timescale)).toBeLessThanOrEqual(partTarget([config]));
        }
      }
    }
  });

  it('end with the frame of AAC that reaches the next 200 ms, so that a second has no rest', () => {
    const partsOf = (frames: number): number[] => cut(audioConfig, run(0, frames).map((n) => ({ dts: n * 1024, duration: 1024 }))).map((span) => span.frames.length);
    expect(partsOf(46)).toEqual([10, 9, 10, 9, 8]);
    expect(partsOf(47)).toEqual([10, 9, 10, 9, 9]);
    expect(partsOf(94)).toEqual([10, 9, 10, 9, 9, 10, 9, 9, 10, 9]);
  });
});

describe('parts of a source that leaves frames out', () => {
  it.each([
    { name: 'in the middle of a part', frames: at(0, 1, 2, 5, 6, 7), parts: ['0-6: 0 1 2 5', '6-8: 6 7'] },
    { name: 'at the end of a part', frames: at(0, 1, 2, 3, 6, 7), parts: ['0-6: 0 1 2 3', '6-8: 6 7'] },
    { name: 'across the end of a part', frames: at(0, 1, 2, 3, 4, 8, 9, 10, 11, 12), parts: ['0-6: 0 1 2 3 4', '6-12: 8 9 10 11', '12-13: 12'] },
    { name: 'behind a part that is out', frames: at(0, 1, 2, 3, 4, 5, 9, 10, 11, 12), parts: ['0-6: 0 1 2 3 4 5', '6-12: 9 10 11', '12-13: 12'] },
    { name: 'for longer than a part', frames: at(0, 1, 2, 3, 4, 5, 14, 15, 16), parts: ['0-6: 0 1 2 3 4 5', '6-15: 14', '15-17: 15 16'] },
    { name: 'for longer than a part, inside one', frames: at(0, 1, 14, 15), parts: ['0-6: 0 1', '6-15: 14', '15-16: 15'] },
    { name: 'before the next group', frames: at(0, 1, 2), next: 4, parts: ['0-4: 0 1 2'] },
    { name: 'for long before the next group', frames: at(0, 1, 2), next: 40, parts: ['0-6: 0 1 2'] },
  ])('last no longer, and hide no hole: $name', ({ frames, next, parts }) => {
    expect(shown(cut(videoConfig, frames, next === undefined ? undefined : next * 3000))).toEqual(parts);
  });

  it('leave holes in audio as they are', () => {
    const dts = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12.5, 13.5, 16, 17, 18, 19, 20, 21, 22].map((place) => place * 1024);
    const spans = cut(audioConfig, dts.map((time) => ({ dts: time, duration: 1024 })));
    expect(spans.map(({ start, end, frames }) => [start / 1024, end / 1024, frames.length])).toEqual([
      [0, 9, 9],
      [12.5, 19, 5],
      [19, 23, 4],
    ]);
  });
});

describe('parts of a rate that varies', () => {
  it('last exactly as long as each other, whatever the frames last', () => {
    const config = { ...videoConfig, frameDuration: 0 };
    let seed = 7;
    const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    for (let round = 0; round < 200; round++) {
      const frames: Timed[] = [];
      for (let dts = 900; dts < 180_000; ) {
        const duration = 450 + Math.floor(random() * 14_000);
        // Ingest may guess too little: it cannot know when the next frame will come.
        frames.push({ dts, duration: random() < 0.5 ? duration : Math.ceil(random() * duration) });
        dts += duration;
      }
      const spans = cut(config, frames);
      expect(spans.flatMap((span) => span.frames.map((frame) => frame.dts))).toEqual(frames.map((frame) => frame.dts));
      let end = 900;
      for (const span of spans) {
        expect(span.start).toBe(end);
        end = span.end;
      }
      for (const span of spans.slice(0, -1)) {
        expect(Math.abs(span.end - span.start - 18_000)).toBeLessThanOrEqual(2);
      }
    }
  });

  it('begin with their frame where the one before was said to last too long', () => {
    const spans = cut({ ...videoConfig, frameDuration: 0 }, [{ dts: 0, duration: 3000 }, { dts: 12_000, duration: 9000 }, { dts: 15_000, duration: 3000 }]);
    expect(spans.map(({ start, end, frames }) => [start, end, frames.length])).toEqual([
      [0, 18_000, 2],
      [15_000, 18_000, 1],
    ]);
  });
});
