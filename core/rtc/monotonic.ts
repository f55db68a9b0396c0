import { millis, type Millis } from '../media/time.ts';

/** Milliseconds since some moment in the past that never changes: not set by anybody, never back. Handed in so that tests rule it. */
export type MonotonicClock = () => Millis;

/** The process's own monotonic clock. */
export const monotonicClock: MonotonicClock = () => millis(performance.now());
