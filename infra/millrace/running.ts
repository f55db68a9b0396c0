import { MillraceError } from '#core/runtime/errors.ts';
import type { Stage } from '#core/runtime/stage.ts';

/** Something that can be closed. */
type Closable = Pick<Stage, 'close'>;

/** What has been started, to be closed from the last to the first. */
export class Running implements Stage {
  readonly closed: Promise<void>;
  readonly #ended = Promise.withResolvers<void>();
  readonly #started: Closable[] = [];
  #closing: Promise<void> | undefined;

  constructor() {
    this.closed = this.#ended.promise;
    // Whoever wants to know asks; a start that failed has told already.
    this.closed.catch(() => {});
  }

  /** Adds what needs closing and nothing else. */
  add(closable: Closable): void {
    this.#started.push(closable);
  }

  /**
   * Starts a stage. Where everything is being closed meanwhile, the stage is closed too.
   *
   * @throws {MillraceError} `startup/stopped` where everything is being closed.
   */
  async start<S extends Stage>(start: () => Promise<S>): Promise<S> {
    this.#refuseWhileClosing();
    const stage = await start();
    if (this.#closing !== undefined) {
      await stage.close();
    }
    this.#refuseWhileClosing();
    this.#started.push(stage);
    stage.closed.catch((error: unknown) => this.#ended.reject(error));
    return stage;
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    const failures: unknown[] = [];
    for (const each of this.#started.reverse()) {
      // One that cannot close must not keep the others open.
      await each.close().catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) {
      this.#ended.reject(failures[0]);
      throw failures[0];
    }
    this.#ended.resolve();
  }

  #refuseWhileClosing(): void {
    if (this.#closing !== undefined) {
      throw new MillraceError('startup/stopped', 'The start was stopped halfway.');
    }
  }
}
