import type { Logger as PinoLogger } from 'pino';

/** The structured log: `log.info({stream}, 'sentence')`. Secrets never go in. */
export type Logger = Pick<PinoLogger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'child'>;
