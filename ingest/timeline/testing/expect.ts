import { expect } from 'vitest';

import type { Frame } from '#core/media/frame.ts';

/** Each group's first frame. */
export function startsOf(frames: readonly Frame[]): Frame[] {
  return frames.filter((frame) => frame.index === 0);
}

/** Expects what holds of every list of frames: times, groups and indexes rise, heads stand where they belong. */
export function expectOrdered(frames: readonly Frame[]): void {
  const faults: string[] = [];
  const last = new Map<string, Frame>();
  for (const frame of frames) {
    const before = last.get(frame.track);
    const rises = !before || (frame.dts > before.dts && frame.epoch >= before.epoch);
    const follows = !before || (frame.group === before.group ? frame.index === before.index + 1 : frame.group > before.group && frame.index === 0);
    const whole = [frame.dts, frame.pts, frame.duration].every(Number.isInteger);
    const sane = frame.dts >= 0 && frame.pts >= frame.dts && frame.duration > 0 && (frame.head !== undefined) === (frame.index === 0);
    if (!rises || !follows || !whole || !sane) {
      faults.push(`${frame.track} ${frame.epoch}/${frame.group}/${frame.index} dts ${frame.dts} pts ${frame.pts} after ${before?.group}/${before?.index} dts ${before?.dts}`);
    }
    last.set(frame.track, frame);
  }
  expect(frames.length).toBeGreaterThan(0);
  expect(faults).toEqual([]);
}
