import { expect, it } from 'vitest';

import { wallTime } from '#core/media/time.ts';

import { CatchUp } from './catch-up.ts';

/** Frames at 30 fps from `from` seconds on, the first at `at` ms, coming at `speed`; what was said after each. */
function run(catchUp: CatchUp, { from, at, speed, frames }: { from: number; at: number; speed: number; frames: number }): boolean[] {
  return Array.from({ length: frames }, (_, n) => {
    catchUp.add(from + n / 30, { wallTime: wallTime(0), seconds: 0 }, wallTime(at + (n * 1000) / 30 / speed));
    return catchUp.isCatchingUp;
  });
}

it('takes frames that come as they are captured for live', () => {
  expect(run(new CatchUp(), { from: 10, at: 10_100, speed: 1, frames: 60 })).not.toContain(true);
});

it('knows an encoder that works off what came before, until it has', () => {
  const said = run(new CatchUp(), { from: 6, at: 10_000, speed: 4, frames: 240 });
  const end = said.indexOf(false);
  // 4 s behind at four times the speed: there after 5.3 s of media.
  expect(end / 30).toBeGreaterThan(5);
  expect(end / 30).toBeLessThan(5.4);
  expect(said.slice(end)).not.toContain(true);
});

it('is not taken in by a first frame that comes long before the next', () => {
  const catchUp = new CatchUp();
  run(catchUp, { from: 6, at: 10_000, speed: 1, frames: 1 });
  const said = run(catchUp, { from: 6.1, at: 10_350, speed: 20, frames: 120 });
  expect(said.slice(0, 110)).not.toContain(false);
});

it('is not taken in by frames that come in bunches', () => {
  const catchUp = new CatchUp();
  run(catchUp, { from: 10, at: 10_100, speed: 1, frames: 10 });
  expect(run(catchUp, { from: 10.4, at: 10_900, speed: 10, frames: 15 })).not.toContain(true);
});

it('knows at once what was held back, until the last of it has come', () => {
  const catchUp = new CatchUp();
  run(catchUp, { from: 10, at: 10_020, speed: 1, frames: 10 });
  // Two seconds at once, then live.
  const said = run(catchUp, { from: 10.4, at: 12_420, speed: 1000, frames: 61 });
  expect(said.slice(0, 50)).not.toContain(false);
  expect(said.at(-1)).toBe(false);
});

it('does not wait for a clock that is wrong, nor for a slow encoder', () => {
  const said = run(new CatchUp(), { from: 10, at: 15_000, speed: 1, frames: 60 });
  expect(said.indexOf(false)).toBeLessThanOrEqual(22);
  expect(said.slice(22)).not.toContain(true);
});
