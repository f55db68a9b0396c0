import { pino, destination, stdTimeFunctions, type DestinationStream, type Logger as PinoLogger } from 'pino';
import pretty from 'pino-pretty';

/** The structured log: `log.info({stream}, 'sentence')`. Secrets never go in. */
export type Logger = Pick<PinoLogger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'child'>;

/** Least severe level that is written. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** How lines look: for people, or one JSON object a line. */
export type LogFormat = 'pretty' | 'json';

/** Options of {@link createLog}. */
export type LogOptions = {
  /** Default `info`. */
  readonly level?: LogLevel;
  /** Default `pretty` on a terminal, else `json`. */
  readonly format?: LogFormat;
  /** Where lines go. Default: standard error; standard output is for what the user asked to see. */
  readonly to?: DestinationStream;
};

/** A log with the means to get its last lines out before the process ends. */
export type Log = { readonly log: Logger; readonly flush: () => void };

/**
 * Names under which a secret might slip into a line. The rule is that none is ever logged; this is the net below it.
 */
const secretNames = ['key', 'streamKey', 'secret', 'token', 'password', 'authorization'];

/** Makes the log of this process. */
export function createLog(options: LogOptions = {}): Log {
  const format = options.format ?? (process.stderr.isTTY === true ? 'pretty' : 'json');
  // Written in the background: a reader of the log who stalls must not stall the frames.
  const file = options.to === undefined && format === 'json' ? destination({ fd: 2, sync: false }) : undefined;
  const plain = options.to ?? file ?? process.stderr;
  const stream = format === 'pretty' ? pretty({ destination: asWritable(plain), ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l', colorize: options.to === undefined }) : plain;
  const log = pino(
    {
      level: options.level ?? 'info',
      base: { pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretNames.flatMap((name) => [name, `*.${name}`]), censor: '[secret]' },
    },
    stream,
  );
  return {
    log,
    flush: () => {
      try {
        file?.flushSync();
      } catch {
        // Nothing was written yet, or the reader is gone: there is nobody left to tell.
      }
    },
  };
}

function asWritable(to: DestinationStream): NodeJS.WritableStream {
  return to as unknown as NodeJS.WritableStream;
}
