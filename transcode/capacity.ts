import { BUDGET_SHARE } from './plan/cost.ts';

/** What this machine can encode, in megapixels per second. */
export type CapacityFacts = {
  /** As measured or configured. */
  readonly megapixelsPerSecond: number;
  /** What ladders may spend. */
  readonly budget: number;
  /** What the present plans spend. */
  readonly used: number;
};

/** The machine's encoding budget, shared by every broadcast on it. */
export class Capacity {
  #megapixelsPerSecond: number;
  readonly #spent = new Map<string, number>();

  constructor(megapixelsPerSecond: number) {
    this.#megapixelsPerSecond = megapixelsPerSecond;
  }

  get megapixelsPerSecond(): number {
    return this.#megapixelsPerSecond;
  }

  /** A later measurement found more; plans from now on may spend it. */
  raiseTo(megapixelsPerSecond: number): void {
    this.#megapixelsPerSecond = Math.max(this.#megapixelsPerSecond, megapixelsPerSecond);
  }

  get budget(): number {
    return this.megapixelsPerSecond * BUDGET_SHARE;
  }

  get facts(): CapacityFacts {
    return { megapixelsPerSecond: this.megapixelsPerSecond, budget: this.budget, used: this.#sum() };
  }

  /** What a holder may spend: the budget without what the others spend. */
  leftFor(holder: string): number {
    return Math.max(0, this.budget - this.#sum() + (this.#spent.get(holder) ?? 0));
  }

  /** Notes what a holder spends from now on; 0 gives it back. */
  spend(holder: string, cost: number): void {
    if (cost > 0) {
      this.#spent.set(holder, cost);
    } else {
      this.#spent.delete(holder);
    }
  }

  #sum(): number {
    return [...this.#spent.values()].reduce((sum, cost) => sum + cost, 0);
  }
}
