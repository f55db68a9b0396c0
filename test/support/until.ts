/** Options of {@link until}. */
export type UntilOptions = {
  /** Milliseconds after which the condition is given up. No bound of what is tested: a busy machine takes its time. Default 30 s. */
  readonly deadline?: number;
  /** Milliseconds between two looks. Default 50. */
  readonly every?: number;
};

/**
 * Waits until a condition gives something other than undefined, null or false, and returns it. A condition that throws
 * counts as not yet met.
 *
 * @throws {Error} with what was waited for, and the condition's last error, once the deadline has passed.
 */
export async function until<T>(what: string, condition: () => T | Promise<T>, options: UntilOptions = {}): Promise<NonNullable<T>> {
  const { deadline = 30_000, every = 50 } = options;
  const end = performance.now() + deadline;
  let fault: unknown;
  do {
    try {
      const value = await condition();
      if (value !== undefined && value !== null && value !== false) {
        return value;
      }
      fault = undefined;
    } catch (error) {
      fault = error;
    }
    await new Promise((resolve) => setTimeout(resolve, every));
  } while (performance.now() < end);
  throw new Error(`waited ${deadline} ms in vain: ${what}`, { cause: fault });
}
