import { setTimeout } from 'node:timers/promises';

/** Work of so many milliseconds, then as long a rest: the thread carries live media. */
const TURN = 4;

/** Paces long work: awaited after each step, it rests whenever the steps since the last rest have taken a turn. */
export function pace(): () => Promise<void> | undefined {
  let rested = performance.now();
  return () => {
    if (performance.now() - rested < TURN) {
      return undefined;
    }
    return setTimeout(TURN).then(() => {
      rested = performance.now();
    });
  };
}
