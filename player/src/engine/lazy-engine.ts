import type { Millis, WallTime } from '#core/media/time.ts';
import type { Engine, EngineKind, EngineListener } from './engine.ts';

/** Stands for an engine whose code is loaded when it is needed. */
export class LazyEngine implements Engine {
  readonly kind: EngineKind;
  readonly #load: () => Promise<Engine>;
  readonly #listener: EngineListener;
  #choice: number | 'auto';
  #engine: Engine | undefined;
  #destroyed = false;

  constructor(kind: EngineKind, choice: number | 'auto', listener: EngineListener, load: () => Promise<Engine>) {
    this.kind = kind;
    this.#choice = choice;
    this.#listener = listener;
    this.#load = load;
  }

  start(): void {
    void this.#begin();
  }

  get loading(): number {
    return this.#engine?.loading ?? -1;
  }

  get choice(): number | 'auto' {
    return this.#choice;
  }

  set choice(choice: number | 'auto') {
    this.#choice = choice;
    if (this.#engine !== undefined) {
      this.#engine.choice = choice;
    }
  }

  get throughput(): number | undefined {
    return this.#engine?.throughput;
  }

  get partTarget(): Millis | undefined {
    return this.#engine?.partTarget;
  }

  shownAt(): WallTime | undefined {
    return this.#engine?.shownAt();
  }

  livePosition(): number | undefined {
    return this.#engine?.livePosition();
  }

  destroy(): void {
    this.#destroyed = true;
    this.#engine?.destroy();
  }

  async #begin(): Promise<void> {
    try {
      const engine = await this.#load();
      if (this.#destroyed) {
        engine.destroy();
        return;
      }
      this.#engine = engine;
      engine.choice = this.#choice;
      engine.start();
    } catch (error) {
      if (!this.#destroyed) {
        // A script that does not come is a server that cannot be reached.
        this.#listener.failed({ kind: 'network', detail: `code of ${this.kind}: ${String(error)}` });
      }
    }
  }
}
