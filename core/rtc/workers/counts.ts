import { RtcCounters } from '../metrics.ts';
import type { WorkerCounts } from './seats.ts';

/** Numbers by name, and groups of such. */
type Numbers = { [name: string]: number | Numbers };

/** What a worker has counted that has not begun. */
export function noCounts(): WorkerCounts {
  return { counters: new RtcCounters(), sessions: { connecting: 0, connected: 0 }, egress: { dropped: 0, calls: 0 } };
}

/** Both together, number by number. */
export function addCounts<T extends object>(a: T, b: T): T {
  return add(a as Numbers, b as Numbers) as T;
}

function add(a: Numbers, b: Numbers): Numbers {
  return Object.fromEntries(
    Object.entries(a).map(([name, value]) => {
      const other = b[name];
      return [name, typeof value === 'number' ? value + (typeof other === 'number' ? other : 0) : add(value, typeof other === 'object' ? other : {})];
    }),
  );
}
