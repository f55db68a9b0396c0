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
  const seconds = new Map<string, number>();
  let audioScale = 1;
  for (const frame of frames) {
    const before = last.get(frame.track);
    audioScale = frame.track === 'audio' ? (frame.head?.config.timescale ?? audioScale) : audioScale;
    const scale = frame.track === 'audio' ? audioScale : 90_000;
    // The sample rate may change from epoch to epoch: seconds rise then, ticks may not.
    const risesInEpoch = !before || frame.epoch !== before.epoch || frame.dts > before.dts;
    const rises = risesInEpoch && frame.epoch >= (before?.epoch ?? 0) && frame.dts / scale > (seconds.get(frame.track) ?? -1);
    seconds.set(frame.track, frame.dts / scale);
    const follows = !before || (frame.group === before.group ? frame.index === before.index + 1 : frame.group > before.group && frame.index === 0);
    const keepsConfig = frame.index === 0 || frame.config === before?.config || frame.head !== undefined;
    const whole = [frame.dts, frame.pts, frame.duration].every(Number.isInteger);
    const sane = frame.dts >= 0 && frame.pts >= frame.dts && frame.duration > 0 && (frame.head !== undefined) === (frame.index === 0 || (frame.key && frame.config !== before?.config));
    if (!rises || !follows || !whole || !sane || !keepsConfig) {
      faults.push(`${frame.track} ${frame.epoch}/${frame.group}/${frame.index} dts ${frame.dts} pts ${frame.pts} after ${before?.group}/${before?.index} dts ${before?.dts}`);
    }
    last.set(frame.track, frame);
  }
  expect(frames.length).toBeGreaterThan(0);
  expect(faults).toEqual([]);
}
