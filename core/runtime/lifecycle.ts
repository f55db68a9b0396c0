import { millis, type Millis } from '../media/time.ts';
import { messageOf, MillraceError } from './errors.ts';
import type { Logger } from './log.ts';

/** What of a process the lifecycle needs; `process` itself, or a stand-in for tests. */
export type ProcessLike = {
  on(event: string, handler: (fact: unknown) => void): unknown;
  off(event: string, handler: (fact: unknown) => void): unknown;
  exit(code: number): void;
};

/** Options of {@link superviseProcess}. */
export type SuperviseOptions = {
  readonly log: Logger;
  /** Stops everything in order. */
  readonly stop: () => Promise<void>;
  /** Rejects where a stage cannot go on. */
  readonly closed: Promise<void>;
  /** Gets the last lines of the log out. */
  readonly flush?: () => void;
  /** How long a stop may take before the process ends anyway. Default 10 s. */
  readonly patience?: Millis;
  /** Time that only goes forward, by which signals that come together are told from a second wish. Default: `performance.now()`. */
  readonly monotonic?: () => Millis;
  /** Default: `process`. */
  readonly host?: ProcessLike;
};

/**
 * A further signal so soon after the first is the same wish: a terminal that closes, or npm that hands on what the
 * terminal sent to all, brings SIGHUP or a second SIGINT some milliseconds later. No hand presses Ctrl-C twice as fast
 * because it has become impatient.
 */
const SAME_WISH = millis(500);

/**
 * Ends the process well: SIGTERM and SIGINT (and the loss of a parent that watches over us by IPC) stop gracefully with
 * exit code 0; a second signal, half a second after the first or later, ends at once; a stop that takes too long, a stage that failed and an error that nobody
 * caught end with one line and exit code 1.
 *
 * @returns takes the handlers back, for tests.
 */
export function superviseProcess(options: SuperviseOptions): () => void {
  const { log, host = process, patience = millis(10_000), monotonic = () => millis(performance.now()) } = options;
  let stoppingSince: Millis | undefined;
  let ended = false;

  const exit = (code: number): void => {
    if (!ended) {
      ended = true;
      options.flush?.();
      host.exit(code);
    }
  };

  const stop = (why: string, code: number): void => {
    if (stoppingSince !== undefined) {
      if (monotonic() - stoppingSince < SAME_WISH) {
        log.debug({ why }, 'asked to stop once more at the same time');
        return;
      }
      log.warn('asked to stop again: ending at once');
      exit(code === 0 ? 130 : code);
      return;
    }
    stoppingSince = monotonic();
    log.info({ why }, 'stopping');
    const timer = setTimeout(() => {
      log.error(`stopping took more than ${patience / 1000} s: ending now`);
      exit(1);
    }, patience);
    options
      .stop()
      .then(() => {
        log.info('stopped');
        return code;
      })
      .catch((error: unknown) => {
        log.error({ error: messageOf(error) }, 'stopping failed');
        return 1;
      })
      .then((result) => {
        clearTimeout(timer);
        exit(result);
      })
      .catch(() => exit(1));
  };

  const fail = (error: unknown, what: string): void => {
    log.fatal(errorFacts(error), `${what}: ${messageOf(error)}`);
    if (stoppingSince !== undefined) {
      exit(1);
    } else {
      stop(what, 1);
    }
  };

  const handlers: Readonly<Record<string, (fact: unknown) => void>> = {
    SIGTERM: () => stop('SIGTERM', 0),
    SIGINT: () => stop('SIGINT', 0),
    SIGHUP: () => stop('SIGHUP', 0),
    disconnect: () => stop('the parent process is gone', 0),
    uncaughtException: (error: unknown) => fail(error, 'an error that nobody caught'),
    unhandledRejection: (error: unknown) => fail(error, 'a rejection that nobody caught'),
  };
  Object.entries(handlers).forEach(([event, handler]) => host.on(event, handler));
  options.closed.catch((error: unknown) => {
    if (!ended) {
      fail(error, 'a stage cannot go on');
    }
  });
  return () => Object.entries(handlers).forEach(([event, handler]) => host.off(event, handler));
}

function errorFacts(error: unknown): Record<string, unknown> {
  return {
    ...(error instanceof MillraceError ? { code: error.code } : {}),
    ...(error instanceof Error && error.stack !== undefined ? { stack: error.stack } : {}),
  };
}
