import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import type { BroadcastInfo } from '../../catalog.ts';
import type { NodeInfo } from '../../node.ts';

/** What a {@link BusProcess} is told to do. Each is answered by {@link BusProcessAnswer}. */
export type BusProcessOrder =
  | { readonly do: 'lease' | 'tryLease'; readonly resource: string }
  | { readonly do: 'announce'; readonly info: BroadcastInfo }
  | { readonly do: 'present'; readonly info: NodeInfo }
  | { readonly do: 'put'; readonly key: string; readonly value: unknown; readonly fence: number }
  | { readonly do: 'serve'; readonly subject: string; readonly answer: unknown }
  | { readonly do: 'close' };

/** What it says: once it is connected, of each order what became of it, and of each lease when it was lost. */
export type BusProcessAnswer = { readonly done: unknown } | { readonly failed: string } | { readonly lost: string };

/** A process of its own on the bus, which can be stopped and killed. */
export class BusProcess {
  readonly #child: ChildProcess;
  readonly #said: BusProcessAnswer[] = [];
  #heard: () => void = () => undefined;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (answer: BusProcessAnswer) => {
      this.#said.push(answer);
      this.#heard();
    });
  }

  /** Starts it, and waits until it is connected. */
  static async start(url: string, node: string): Promise<BusProcess> {
    const process = new BusProcess(fork(new URL('bus-process-main.ts', import.meta.url), [url, node], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv: [] }));
    await process.#next((answer) => 'done' in answer);
    return process;
  }

  /** Gives an order and waits for what becomes of it: its result, or the code of its error. One at a time. */
  async order(order: BusProcessOrder): Promise<unknown> {
    this.#child.send(order);
    const answer = await this.#next((one) => !('lost' in one));
    return 'failed' in answer ? answer.failed : 'done' in answer ? answer.done : undefined;
  }

  /** Waits until the process says that it lost a lease. */
  async lost(resource: string): Promise<void> {
    await this.#next((answer) => 'lost' in answer && answer.lost === resource);
  }

  /** SIGSTOP. */
  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  /** SIGKILL, and waits until it is gone. Idempotent. */
  async kill(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const gone = once(this.#child, 'exit');
      this.#child.kill('SIGKILL');
      await gone;
    }
  }

  async #next(isIt: (answer: BusProcessAnswer) => boolean): Promise<BusProcessAnswer> {
    for (;;) {
      const at = this.#said.findIndex(isIt);
      if (at >= 0) {
        return this.#said.splice(at, 1)[0]!;
      }
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
  }
}
