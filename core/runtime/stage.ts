/** A running stage. Every stage's `main.ts` starts one. */
export interface Stage {
  /**
   * Stops gracefully: takes nothing new, hands on what is in work, lets go of sockets, timers and children. Idempotent;
   * every call settles when all is gone.
   */
  close(): Promise<void>;
  /** Settles when the stage has ended: clean after `close()`, rejected where it cannot go on. */
  readonly closed: Promise<void>;
}
