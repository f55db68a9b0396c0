import { KNOWN_STREAMS } from '#core/access/publish-questions.ts';
import type { Bus } from '#core/bus/bus.ts';
import type { StreamName } from '#core/bus/catalog.ts';
import { millis, type Millis } from '#core/media/time.ts';
import type { Logger } from '#core/runtime/log.ts';

/** What {@link tellKnownStreams} works with. */
export type TellOptions = {
  readonly bus: Pick<Bus, 'shared'>;
  readonly streams: () => readonly StreamName[];
  readonly log: Logger;
  /** Between looks whether the value is still there. Default 5 s. */
  readonly interval?: Millis;
};

/** Shared values have 64 KiB at most. */
const MAX_BYTES = 60_000;

/**
 * Keeps the names of known streams among the shared values: written when told of a change, and again where the value was lost. What another process
 * wrote with other keys stays: two that differ do not write against each other for ever.
 */
export function tellKnownStreams({ bus, streams, log, interval = millis(5000) }: TellOptions): { changed(): void; close(): void } {
  let isTold = false;
  let isBusy = false;
  const tell = async (): Promise<void> => {
    if (isBusy) {
      return;
    }
    isBusy = true;
    try {
      do {
        if (isTold && (await bus.shared.get(KNOWN_STREAMS)) !== undefined) {
          return;
        }
        isTold = true;
        await bus.shared.put(KNOWN_STREAMS, asManyAsFit(streams(), log));
        // Told of a change while writing.
      } while (!isTold);
    } catch (err) {
      isTold = false;
      log.debug({ err }, 'could not tell the others which streams are known; the next look tries again');
    } finally {
      isBusy = false;
    }
  };
  const timer = setInterval(() => void tell(), interval).unref();
  return {
    changed: () => {
      isTold = false;
      void tell();
    },
    close: () => clearInterval(timer),
  };
}

function asManyAsFit(streams: readonly StreamName[], log: Logger): readonly StreamName[] {
  let bytes = 2;
  const fit = streams.filter((stream) => (bytes += stream.length + 3) <= MAX_BYTES);
  if (fit.length < streams.length) {
    log.warn({ streams: streams.length, told: fit.length }, 'there are more streams than other processes can be told of: those left out are unknown there until they are on air');
  }
  return fit;
}
