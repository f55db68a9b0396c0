import type { Logger } from '../../../runtime/log.ts';
import type { Unsubscribe } from '../../bus.ts';
import type { NodeId, NodeInfo } from '../../node.ts';
import type { Session } from '../kv/record.ts';
import { decodeValue, encodeValue } from '../kv/values.ts';
import type { Registers } from '../registry/registers.ts';
import type { Heartbeats } from './heartbeats.ts';

type NodeListener = (node: NodeId, info: NodeInfo | undefined) => void;

/** What processes tell of themselves: kept in a bucket, and true while who wrote it is heard. */
export class NatsNodes {
  readonly #session: Session;
  readonly #log: Logger;
  readonly #registers: Registers;
  readonly #heartbeats: Heartbeats;
  readonly #listeners = new Set<NodeListener>();
  /** Those that the listeners know. */
  readonly #known = new Map<NodeId, NodeInfo>();
  readonly #own = new Set<NodeId>();

  constructor({ registers, heartbeats, session, log }: { readonly registers: Registers; readonly heartbeats: Heartbeats; readonly session: Session; readonly log: Logger }) {
    this.#session = session;
    this.#log = log;
    this.#registers = registers;
    this.#heartbeats = heartbeats;
    heartbeats.onLife((session) => {
      for (const key of [...registers.keys()]) {
        if (registers.get(key)?.by === session) {
          this.changed(key);
        }
      }
    });
  }

  present(info: NodeInfo): void {
    this.#own.add(info.node);
    this.#registers.set(info.node, 0, encodeValue(info));
  }

  subscribe(listener: NodeListener): Unsubscribe {
    const entry: NodeListener = (node, info) => listener(node, info);
    this.#listeners.add(entry);
    [...this.#known.values()].forEach((info) => listener(info.node, info));
    return () => this.#listeners.delete(entry);
  }

  /** What is told of a process, or whether it lives, may have changed. */
  changed(key: NodeId): void {
    const record = this.#registers.get(key);
    if (record !== undefined && this.#own.has(key) && record.by !== this.#session && this.#heartbeats.isHeard(record.by)) {
      this.#log.error({ node: key }, 'another process on NATS has the name of this one: give each its own (nodeName)');
    }
    const info = record !== undefined && this.#heartbeats.isHeard(record.by) ? (decodeValue(record.body) as NodeInfo) : undefined;
    if (info === undefined ? this.#known.delete(key) : this.#known.set(key, info)) {
      [...this.#listeners].forEach((listener) => listener(key, info));
    }
  }

  /** This process goes. */
  close(): void {
    this.#listeners.clear();
    this.#own.forEach((node) => this.#registers.remove(node));
  }
}
