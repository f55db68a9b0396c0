import { MillraceError } from '#core/runtime/errors.ts';

/** An error that the API answers as it is: an HTTP status, `{code, message}` and headers of its own. */
export class ApiError extends MillraceError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}, cause?: unknown) {
    super(code, message, { cause });
    this.name = 'ApiError';
    this.status = status;
    this.headers = headers;
  }
}

/** What to answer to anything thrown; undefined where it is a fault of ours, of which the caller learns nothing. */
export function asApiError(thrown: unknown): ApiError | undefined {
  if (thrown instanceof ApiError) {
    return thrown;
  }
  if (thrown instanceof MillraceError && thrown.code === 'publish/unavailable') {
    return new ApiError(503, 'unavailable', thrown.message, { 'Retry-After': '5' }, thrown);
  }
  // The router throws such an error where a path's percent-encoding is malformed.
  const status = thrown instanceof Error && 'status' in thrown ? thrown.status : undefined;
  return status === 400 ? new ApiError(400, 'malformed', 'The request is malformed.') : undefined;
}
