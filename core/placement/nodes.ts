import type { Bus, Unsubscribe } from '../bus/bus.ts';
import type { NodeId, NodeInfo } from '../bus/node.ts';

/** The processes on the bus as they are now, kept by subscription: reading costs nothing. */
export class Nodes {
  readonly #known = new Map<NodeId, NodeInfo>();
  readonly #listeners = new Set<() => void>();
  readonly #unsubscribe: Unsubscribe;

  constructor(bus: Pick<Bus, 'onNode'>) {
    this.#unsubscribe = bus.onNode((node, info) => {
      if (info === undefined) {
        this.#known.delete(node);
      } else {
        this.#known.set(node, info);
      }
      [...this.#listeners].forEach((listener) => listener());
    });
  }

  /** Every process, by name. */
  list(): readonly NodeInfo[] {
    return [...this.#known.values()].sort((a, b) => (a.node < b.node ? -1 : 1));
  }

  get(node: NodeId): NodeInfo | undefined {
    return this.#known.get(node);
  }

  /** Calls back after every change. */
  onChange(listener: () => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Idempotent. */
  close(): void {
    this.#unsubscribe();
    this.#listeners.clear();
    this.#known.clear();
  }
}
