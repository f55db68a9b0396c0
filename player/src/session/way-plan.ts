import type { EngineKind } from '../engine/engine.ts';

/**
 * Which way to try next. The ways are tried in their order, from one failure to the next; a way that failed rests for a while, so that
 * a viewer who must begin anew is not kept waiting for it again.
 */
export class WayPlan {
  readonly #kinds: readonly EngineKind[];
  readonly #rests = new Map<EngineKind, number>();

  /** Takes the ways, the best first; at least one. */
  constructor(kinds: readonly EngineKind[]) {
    this.#kinds = kinds;
  }

  /** The best way that does not rest; the last one never does. `now`: any monotonic clock, milliseconds. */
  first(now: number): EngineKind | undefined {
    return this.#kinds.find((kind, index) => index === this.#kinds.length - 1 || now >= (this.#rests.get(kind) ?? 0));
  }

  /** The way after one that failed; undefined when there is none. */
  after(kind: EngineKind): EngineKind | undefined {
    const at = this.#kinds.indexOf(kind);
    return at < 0 ? undefined : this.#kinds[at + 1];
  }

  /** No way is better than this one. */
  isBest(kind: EngineKind): boolean {
    return this.#kinds[0] === kind;
  }

  /** A way that failed is not begun with until then. */
  rest(kind: EngineKind, until: number): void {
    this.#rests.set(kind, until);
  }

  /** Everything is worth another attempt: another network, another broadcast. */
  wake(): void {
    this.#rests.clear();
  }
}
