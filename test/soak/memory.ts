import { connectInspector, type Inspector } from '#test/bench/fanout/inspector.ts';
import type { TestServer } from '#test/support/server.ts';

/** Memory of a process after a collection of garbage, in MiB; `spaces` is the heap by the engine's names for its parts, `code` what of it is compiled code (without what the compiler has learnt about calls). */
export type Memory = { readonly heap: number; readonly external: number; readonly code: number; readonly spaces: Readonly<Record<string, number>> };

/** A reading of one process, minutes after the beginning. */
export type Reading = Memory & { readonly process: string; readonly minute: number };

/** Run in the process itself. */
const READ = `(() => {
  const v8 = process.getBuiltinModule('node:v8');
  const { heapUsed, external } = process.memoryUsage();
  const code = v8.getHeapCodeStatistics();
  return JSON.stringify({
    heap: heapUsed / 2 ** 20,
    external: external / 2 ** 20,
    code: (code.code_and_metadata_size + code.bytecode_and_metadata_size) / 2 ** 20,
    spaces: Object.fromEntries(v8.getHeapSpaceStatistics().map(({ space_name: name, space_used_size: used }) => [name, used / 2 ** 20])),
  });
})()`;

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
    const inspector = await this.#connected();
    await inspector.call('HeapProfiler.collectGarbage');
    await inspector.call('HeapProfiler.collectGarbage');
    return JSON.parse(await evaluate(inspector, READ)) as Memory;
  }

  /** Has the process write what is on its heap to a file, for Chromium's memory panel. */
  async snapshot(path: string): Promise<void> {
    await evaluate(await this.#connected(), `process.getBuiltinModule('node:v8').writeHeapSnapshot(${JSON.stringify(path)})`);
  }

  close(): void {
    this.#inspector?.close();
  }

  async #connected(): Promise<Inspector> {
    // The inspector of a machine of its own listens on all addresses there, and says so.
    this.#inspector ??= await connectInspector(() => this.#server.log().replaceAll('ws://0.0.0.0:', `ws://${this.#address}:`));
    return this.#inspector;
  }
}

async function evaluate(inspector: Inspector, expression: string): Promise<string> {
  const { result } = (await inspector.call('Runtime.evaluate', { expression })) as { result: { value: string } };
  return result.value;
}

/** Rise of readings in MiB an hour, as the median of the slopes between all pairs (Theil and Sen): single readings with a segment more or less do not sway it. */
export function risePerHour(readings: readonly { readonly minute: number; readonly value: number }[]): number {
  const slopes = readings.flatMap((a, i) => readings.slice(i + 1).map((b) => (b.value - a.value) / ((b.minute - a.minute) / 60)));
  const sorted = slopes.filter(Number.isFinite).sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length === 0 ? 0 : sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
