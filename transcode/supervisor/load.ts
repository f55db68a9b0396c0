import { cpus } from 'node:os';

/** The machine's load of late: 0 idle, 1 busy on every core. */
export type LoadMeter = () => number;

/** What one reading counts: asked four times a second, the mean is over about 5 s. */
const WEIGHT = 0.05;

/** Reads the load from the system's own counters, evened out over the last readings. */
export function systemLoad(): LoadMeter {
  let before = times();
  let mean = 1;
  return () => {
    const now = times();
    const all = now.all - before.all;
    const idle = now.idle - before.idle;
    before = now;
    mean += all > 0 ? (1 - idle / all - mean) * WEIGHT : 0;
    return mean;
  };
}

function times(): { readonly all: number; readonly idle: number } {
  let [all, idle] = [0, 0];
  for (const { times: spent } of cpus()) {
    all += spent.user + spent.nice + spent.sys + spent.idle + spent.irq;
    idle += spent.idle;
  }
  return { all, idle };
}
