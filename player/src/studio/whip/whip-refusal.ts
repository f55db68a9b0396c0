import { millis } from '#core/media/time.ts';
import type { Millis } from '#core/media/time.ts';

/** The server, or what stands before it, has refused a session. */
export class WhipRefusal extends Error {
  readonly status: number;
  /** The server's own code; `http` where something else has answered. */
  readonly code: string;
  /** When to try again, as the answer says. */
  readonly retryAfter: Millis | undefined;

  constructor(status: number, code: string, message: string, retryAfter?: Millis) {
    super(message);
    this.name = 'WhipRefusal';
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

/** Reads a refusal: Millrace answers `{code, message}`; proxies answer what they like. */
export function readRefusal(status: number, body: string, retryAfter: string | null): WhipRefusal {
  const { code, message } = readBody(body);
  const seconds = Number(retryAfter ?? Number.NaN);
  return new WhipRefusal(status, code ?? 'http', message ?? `HTTP ${status}`, Number.isFinite(seconds) && seconds >= 0 ? millis(seconds * 1_000) : undefined);
}

function readBody(body: string): { readonly code?: string; readonly message?: string } {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'object' && value !== null && 'code' in value && typeof value.code === 'string') {
      return { code: value.code, ...('message' in value && typeof value.message === 'string' ? { message: value.message } : {}) };
    }
  } catch {
    // Not ours.
  }
  return {};
}
