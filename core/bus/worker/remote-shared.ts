import type { Unsubscribe } from '../bus.ts';
import type { SharedState } from '../shared-state.ts';
import type { BusReport, BusRequest } from './messages.ts';

/** How a thread asks the one that has the bus. */
export type SharedCalls = {
  /** Settles with the answer, or rejects with what went wrong. */
  readonly call: (request: (id: number) => BusRequest) => Promise<unknown>;
  readonly watch: (request: (id: number) => BusRequest, receive: (report: BusReport) => void) => Unsubscribe;
};

/** The small values of another thread's bus. */
export class RemoteShared implements SharedState {
  readonly durable: boolean;
  readonly #calls: SharedCalls;

  constructor(calls: SharedCalls, durable: boolean) {
    this.#calls = calls;
    this.durable = durable;
  }

  get(key: string): Promise<unknown> {
    return this.#calls.call((id) => ({ do: 'get-shared', id, key }));
  }

  async put(key: string, value: unknown, { fence }: { readonly fence?: number } = {}): Promise<void> {
    await this.#calls.call((id) => ({ do: 'put-shared', id, key, value, fence }));
  }

  async delete(key: string, { fence }: { readonly fence?: number } = {}): Promise<void> {
    await this.#calls.call((id) => ({ do: 'delete-shared', id, key, fence }));
  }

  watch(prefix: string, listener: (key: string, value: unknown) => void): Unsubscribe {
    return this.#calls.watch(
      (id) => ({ do: 'watch-shared', id, prefix }),
      (report) => {
        if (report.tell === 'shared') {
          listener(report.key, report.value);
        }
      },
    );
  }
}
