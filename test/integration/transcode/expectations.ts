import { expect } from 'vitest';

import type { Frame } from '#core/media/frame.ts';
import { byGroup } from './harness.ts';
import { FIRST_WALL_TIME, groupStarts, type MadeSource } from './source.ts';

/** The same groups as the source's, each beginning on its first frame with an IDR, and nothing missing between. */
export function expectSameCut(made: MadeSource, frames: readonly Frame[]): void {
  const encoded = byGroup(frames);
  const starts = groupStarts(made);
  expect([...encoded.keys()]).toEqual([...starts.keys()]);
  for (const [group, pts] of starts) {
    expect(encoded.get(group)?.[0]).toMatchObject({ index: 0, key: true, pts });
    expect(encoded.get(group)?.[0]?.head?.wallTime).toBeCloseTo(FIRST_WALL_TIME + pts / 90, 3);
  }
  expectTiled(frames);
}

/** Each frame begins where the one before ends, and indices count from 0. */
export function expectTiled(frames: readonly Frame[]): void {
  expect(frames[0]?.index).toBe(0);
  frames.slice(1).forEach((frame, at) => {
    const before = frames[at]!;
    expect(frame.pts).toBe(before.pts + before.duration);
    expect(frame.dts).toBe(frame.pts);
    expect(frame.index).toBe(frame.group === before.group ? before.index + 1 : 0);
    expect(frame.head === undefined).toBe(frame.index !== 0);
  });
}

/** The highest pts of a source. */
export function lastPts(made: MadeSource): number {
  return Math.max(...made.frames.map(({ pts }) => pts));
}
