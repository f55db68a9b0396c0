import { availableParallelism } from 'node:os';
import { performance, type EventLoopUtilization } from 'node:perf_hooks';

/** What limits an edge besides its processor, each 0 to 1. */
export type Shares = () => readonly number[];

/** An event loop that is busy for more of its time answers late: it counts as full. */
const FULL_LOOP = 0.9;

/** Weight of the newest second: three seconds later seven eighths of a step are told. */
const NEWEST = 0.5;

/** How full this edge is: the largest of what limits it. */
export class LoadMeter {
  readonly #shares: Shares;
  #loop: EventLoopUtilization;
  #cpu: { readonly used: NodeJS.CpuUsage; readonly at: number };
  #busy = 0;

  constructor(shares: Shares) {
    this.#shares = shares;
    this.#loop = performance.eventLoopUtilization();
    this.#cpu = { used: process.cpuUsage(), at: performance.now() };
  }

  /** Looks at the processor. Call it about once a second. */
  sample(): void {
    const loop = performance.eventLoopUtilization();
    const used = process.cpuUsage();
    const at = performance.now();
    const { utilization } = performance.eventLoopUtilization(loop, this.#loop);
    // All threads of the process, in microseconds.
    const spent = used.user + used.system - this.#cpu.used.user - this.#cpu.used.system;
    const cores = spent / (Math.max(1, at - this.#cpu.at) * 1000 * availableParallelism());
    this.#busy += NEWEST * (Math.max(utilization, cores) - this.#busy);
    this.#loop = loop;
    this.#cpu = { used, at };
  }

  /** 0 idle, 1 full; in hundredths. */
  get load(): number {
    return Math.round(Math.min(1, Math.max(this.#busy / FULL_LOOP, ...this.#shares())) * 100) / 100;
  }
}
