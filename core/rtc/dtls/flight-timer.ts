/** How a handshake waits before it repeats a flight; tests hand in their own. */
export type FlightTimer = {
  /** Calls back once after a time; what was set before is forgotten. */
  set(run: () => void, milliseconds: number): void;
  clear(): void;
};

/** A timer of the process, which does not keep it alive. */
export function processTimer(): FlightTimer {
  let handle: NodeJS.Timeout | undefined;
  return {
    set(run, milliseconds) {
      clearTimeout(handle);
      handle = setTimeout(run, milliseconds);
      handle.unref();
    },
    clear() {
      clearTimeout(handle);
      handle = undefined;
    },
  };
}
