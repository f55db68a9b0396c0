/** Something to do on disk. `bytes` is the memory that it holds until it is done. */
export type WriteJob = { readonly bytes: number; readonly run: () => Promise<void> };

/** Does jobs one after another. The first that fails ends those behind it: they may build on it. */
export class WriteQueue {
  #jobs: WriteJob[] = [];
  #bytes = 0;
  #running: Promise<void> | undefined;
  readonly #failed: (error: unknown) => void;

  /** `failed` is told of an error once what waited is dropped. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  /** Bytes and jobs that wait, that in work included. */
  get queued(): { readonly bytes: number; readonly jobs: number } {
    return { bytes: this.#bytes, jobs: this.#jobs.length };
  }

  /** Adds a job behind the others. Bounds are the caller's to keep: only he knows what can be left out. */
  add(job: WriteJob): void {
    this.#jobs.push(job);
    this.#bytes += job.bytes;
    this.#running ??= this.#run();
  }

  /** Settles when nothing is left to do, done or failed. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) {
      await this.#running;
    }
  }

  async #run(): Promise<void> {
    // Whoever adds jobs in one turn adds them all before the first begins.
    await Promise.resolve();
    for (let job = this.#jobs[0]; job !== undefined; job = this.#jobs[0]) {
      try {
        await job.run();
        this.#jobs.shift();
        this.#bytes -= job.bytes;
      } catch (error) {
        this.#jobs = [];
        this.#bytes = 0;
        this.#failed(error);
      }
    }
    this.#running = undefined;
  }
}
