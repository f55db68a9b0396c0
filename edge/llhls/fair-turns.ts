/** A thing to do that must not take long. */
type Task = () => void;

/**
 * Does many small things at once, but no more than so many in one turn of the event loop: when a part comes that thousands
 * wait for, the publishers' sockets are read between their answers.
 */
export class FairTurns {
  readonly #perTurn: number;
  #left: number;
  #queue: Task[] = [];
  #armed = false;

  /** @param perTurn Tasks of one turn. An answer over HTTP costs some 50 microseconds. */
  constructor(perTurn = 256) {
    this.#perTurn = perTurn;
    this.#left = perTurn;
  }

  /** Runs a task now where the turn has room for it and nobody stands before it, else in one of the next turns, in order. */
  run(task: Task): void {
    if (!this.#armed) {
      this.#armed = true;
      setImmediate(() => this.#next());
    }
    if (this.#left > 0) {
      this.#left -= 1;
      task();
    } else {
      this.#queue.push(task);
    }
  }

  #next(): void {
    const due = this.#queue.slice(0, this.#perTurn);
    this.#queue = this.#queue.slice(this.#perTurn);
    this.#left = this.#perTurn - due.length;
    this.#armed = due.length > 0;
    if (this.#armed) {
      setImmediate(() => this.#next());
    }
    due.forEach((task) => task());
  }
}
