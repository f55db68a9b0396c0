import type { Millis } from '../../media/time.ts';

/** How many strangers there may be. */
export type StrangerLimits = {
  readonly inAll: number;
  /** From one address. */
  readonly perGroup: number;
};

/**
 * Connections that have proven nothing yet, the oldest first. One that comes when there are too many takes the place of another, so that
 * whoever opens connections and says nothing keeps nobody out; and it takes it from the address that has the most, so that nobody
 * loses a place to one that has more of them.
 */
export class Strangers<Connection> {
  readonly #limits: StrangerLimits;
  readonly #all = new Map<Connection, { readonly group: string; readonly since: Millis }>();
  /** By address (`addressGroup`), the oldest first. */
  readonly #byGroup = new Map<string, Set<Connection>>();

  constructor(limits: StrangerLimits) {
    this.#limits = limits;
  }

  has(connection: Connection): boolean {
    return this.#all.has(connection);
  }

  add(connection: Connection, group: string, now: Millis): void {
    this.#all.set(connection, { group, since: now });
    const others = this.#byGroup.get(group);
    if (others === undefined) {
      this.#byGroup.set(group, new Set([connection]));
    } else {
      others.add(connection);
    }
  }

  delete(connection: Connection): void {
    const stranger = this.#all.get(connection);
    if (stranger === undefined) {
      return;
    }
    this.#all.delete(connection);
    const others = this.#byGroup.get(stranger.group)!;
    others.delete(connection);
    if (others.size === 0) {
      this.#byGroup.delete(stranger.group);
    }
  }

  /**
   * Who must go before a newcomer of this address can be taken; undefined where there is room.
   *
   * @param group of the newcomer.
   * @param isFull whether a place is needed however few strangers there are.
   */
  inTheWayOf(group: string, isFull: boolean): Connection | undefined {
    const own = this.#byGroup.get(group);
    if (own !== undefined && own.size >= this.#limits.perGroup) {
      return own.values().next().value;
    }
    return isFull || this.#all.size >= this.#limits.inAll ? this.#oldestOfLargest(group) : undefined;
  }

  /** Those that are strangers for this long or longer. */
  since(now: Millis, age: number): Connection[] {
    const found: Connection[] = [];
    for (const [connection, { since }] of this.#all) {
      if (now - since < age) {
        break;
      }
      found.push(connection);
    }
    return found;
  }

  /** The newcomer counts as one of its address. Where several have the most, the oldest of them all goes. */
  #oldestOfLargest(newcomer: string): Connection | undefined {
    const sizeOf = (group: string): number => (this.#byGroup.get(group)?.size ?? 0) + (group === newcomer ? 1 : 0);
    const largest = Math.max(...[...this.#byGroup.keys()].map(sizeOf));
    for (const [connection, { group }] of this.#all) {
      if (sizeOf(group) === largest) {
        return connection;
      }
    }
    return undefined;
  }
}
