import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';

import type { Logger } from '../../../runtime/log.ts';
import { guarded } from './guarded.ts';

/** Where answers come to: one subscription for all of a process, a subject of its own for each conversation. */
export class Inbox {
  readonly #connection: NatsConnection;
  readonly #prefix: string;
  readonly #conversations = new Map<string, (message: Msg) => void>();
  #subscription: Subscription | undefined;
  readonly #log: Logger;
  #next = 0;

  constructor(connection: NatsConnection, run: number, log: Logger) {
    this.#connection = connection;
    this.#log = log;
    this.#prefix = `millrace.i.${run.toString(16)}.`;
  }

  /** Opens a conversation. The handler is called for each message until it is closed. */
  open(handler: (message: Msg) => void): { readonly subject: string; readonly close: () => void } {
    this.#subscription ??= this.#connection.subscribe(`${this.#prefix}*`, {
      callback: guarded(this.#log, (message) => this.#conversations.get(message.subject)?.(message)),
    });
    this.#next += 1;
    const subject = `${this.#prefix}${this.#next}`;
    this.#conversations.set(subject, handler);
    return { subject, close: () => this.#conversations.delete(subject) };
  }

  close(): void {
    this.#conversations.clear();
    if (!this.#connection.isClosed()) {
      this.#subscription?.unsubscribe();
    }
    this.#subscription = undefined;
  }
}
