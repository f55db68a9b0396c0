import { MillraceError } from '../../runtime/errors.ts';

/** Options of a {@link Refusal}. */
export type RefusalOptions = {
  /** Seconds after which to try again. */
  readonly retryAfter?: number;
  /** Where else to ask, with status 307: an absolute URL or path. */
  readonly location?: string;
  readonly cause?: unknown;
};

/** An error that says itself with which HTTP status it is answered. */
export class Refusal extends MillraceError {
  readonly status: number;
  readonly retryAfter: number | undefined;
  readonly location: string | undefined;

  constructor(status: number, code: string, message: string, options: RefusalOptions = {}) {
    super(code, message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'Refusal';
    this.status = status;
    this.retryAfter = options.retryAfter;
    this.location = options.location;
  }
}
