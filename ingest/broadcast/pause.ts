import type { Millis } from '#core/media/time.ts';

/** Settles after so long. It keeps no process alive. */
export function pause(duration: Millis): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, duration).unref();
  });
}
