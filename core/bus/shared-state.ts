import type { Unsubscribe } from './unsubscribe.ts';

/**
 * Small values under keys (`ledger/<stream>`), each with one writer at a time, seen by every process on the bus. Values are plain ones as JSON knows
 * them, 64 KiB at most.
 */
export interface SharedState {
  /** True where values outlive every process: then nobody need keep them on a disk of their own. */
  readonly durable: boolean;

  /** The newest value, or undefined. Rejects with `bus/unreachable` where the link cannot tell now. */
  get(key: string): Promise<unknown>;

  /**
   * Writes a value. With a fence, it is refused where a higher one has written the key: who was paused cannot overwrite what its successor wrote. The
   * fence stays with the key after {@link SharedState.delete}.
   *
   * @throws {MillraceError} `bus/fenced`; `bus/unreachable`.
   */
  put(key: string, value: unknown, options?: { readonly fence?: number }): Promise<void>;

  /** Takes a value away. @throws {MillraceError} as {@link SharedState.put}. */
  delete(key: string, options?: { readonly fence?: number }): Promise<void>;

  /** Calls back with every key that begins with `prefix` and its value, soon, then with every change; undefined where it was taken away. */
  watch(prefix: string, listener: (key: string, value: unknown) => void): Unsubscribe;
}
