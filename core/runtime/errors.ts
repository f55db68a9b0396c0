/** Options of a {@link MillraceError}. */
export type MillraceErrorOptions = {
  /** The error that led to this one. */
  readonly cause?: unknown;
  /** Facts for the log; never secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
};

/**
 * The base of every error that Millrace throws on purpose. Thrown where the fault is seen; turned into an HTTP answer,
 * an RTMP status or an exit in one place at each face.
 */
export class MillraceError extends Error {
  /** Stable and documented: `bus/fenced`, `config/invalid`, ... Users may match on it. */
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, options: MillraceErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'MillraceError';
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** The message of anything thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
