import { connectInspector, type Inspector } from '#test/bench/fanout/inspector.ts';
import type { TestServer } from '#test/support/server.ts';

/** Memory of a process after a collection of garbage, in MiB. */
export type Memory = { readonly heap: number; readonly external: number };

/** A reading of one process, minutes after the beginning. */
export type Reading = Memory & { readonly process: string; readonly minute: number };

/** Asks a process for its memory; its inspector must be on. */
export class MemoryProbe {
  readonly #server: TestServer;
  readonly #address: string;
  #inspector: Inspector | undefined;

  constructor(server: TestServer, address: string) {
    this.#server = server;
    this.#address = address;
  }

  async read(): Promise<Memory> {
    // The inspector of a machine of its own listens on all addresses there, and says so.
    this.#inspector ??= await connectInspector(() => this.#server.log().replaceAll('ws://0.0.0.0:', `ws://${this.#address}:`));
    await this.#inspector.call('HeapProfiler.collectGarbage');
    await this.#inspector.call('HeapProfiler.collectGarbage');
    const { result } = (await this.#inspector.call('Runtime.evaluate', { expression: 'JSON.stringify(process.memoryUsage())' })) as { result: { value: string } };
    const { heapUsed, external } = JSON.parse(result.value) as { heapUsed: number; external: number };
    return { heap: heapUsed / 2 ** 20, external: external / 2 ** 20 };
  }

  close(): void {
    this.#inspector?.close();
  }
}

/** Rise of readings in MiB an hour, as the median of the slopes between all pairs (Theil and Sen): single readings with a segment more or less do not sway it. */
export function risePerHour(readings: readonly { readonly minute: number; readonly value: number }[]): number {
  const slopes = readings.flatMap((a, i) => readings.slice(i + 1).map((b) => (b.value - a.value) / ((b.minute - a.minute) / 60)));
  const sorted = slopes.filter(Number.isFinite).sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length === 0 ? 0 : sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
