import type { Unsubscribe } from '../bus.ts';
import type { NodeId, NodeInfo } from '../node.ts';

/** The processes on a bus that reaches no further than one of them. */
export class LocalNodes {
  readonly #known = new Map<NodeId, NodeInfo>();
  readonly #listeners = new Set<(node: NodeId, info: NodeInfo | undefined) => void>();

  present(info: NodeInfo): void {
    this.#known.set(info.node, info);
    [...this.#listeners].forEach((listener) => listener(info.node, info));
  }

  subscribe(listener: (node: NodeId, info: NodeInfo | undefined) => void): Unsubscribe {
    const entry: typeof listener = (node, info) => listener(node, info);
    this.#listeners.add(entry);
    [...this.#known.values()].forEach((info) => listener(info.node, info));
    return () => this.#listeners.delete(entry);
  }

  close(): void {
    this.#listeners.clear();
    this.#known.clear();
  }
}
