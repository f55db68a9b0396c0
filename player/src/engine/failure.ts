import { millis } from '#core/media/time.ts';
import type { Millis } from '#core/media/time.ts';
import type { EngineFailure } from './engine.ts';

/** Longest wait that a `Retry-After` may ask for: viewers do not want to wait a minute for a stream that has begun. */
const longestWait = 10_000;

/** The edge and the API name an unknown stream each in their own way. */
const kinds: ReadonlyMap<string, EngineFailure['kind']> = new Map([
  ['offline', 'offline'],
  ['stream/unknown', 'unknown-stream'],
  ['unknown-stream', 'unknown-stream'],
]);

/**
 * What a refused multivariant playlist says: 404 with JSON `{code, message}`, or
 * something else, which is a network's or a proxy's trouble and worth another attempt.
 */
export function failureFromAnswer(status: number, body: string, retryAfter: string | null): EngineFailure {
  const detail = `HTTP ${status}`;
  const wait = parseRetryAfter(retryAfter);
  const more = wait === undefined ? {} : { retryAfter: wait };
  const kind = kinds.get(errorCode(body) ?? '');
  if (kind !== undefined) {
    return { kind, detail, ...more };
  }
  return { kind: 'network', detail, ...more };
}

/**
 * What a refused WHEP offer says (draft-ietf-wish-whep, and the codes of this server): 409 off air, 404 unknown, 400, 406, 415 and 422 no
 * offer that can be answered, 503 and 429 no place.
 */
export function failureFromWhep(status: number, body: string, retryAfter: string | null): EngineFailure {
  const failure = failureFromAnswer(status, body, retryAfter);
  if (failure.kind !== 'network') {
    return failure;
  }
  const kind = whepKinds.get(status) ?? 'network';
  const code = errorCode(body);
  return { ...failure, kind, detail: code === undefined ? failure.detail : `${failure.detail} ${code}` };
}

/** 404 and 405 without a code of ours: a server or a proxy that knows no WHEP. */
const whepKinds: ReadonlyMap<number, EngineFailure['kind']> = new Map([
  [400, 'unfit'],
  [404, 'unfit'],
  [405, 'unfit'],
  [406, 'unfit'],
  [409, 'offline'],
  [415, 'unfit'],
  [422, 'unfit'],
  [429, 'full'],
  [503, 'full'],
]);

/** The `code` of a JSON error, if the body is one. */
function errorCode(body: string): string | undefined {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'object' && value !== null && 'code' in value && typeof value.code === 'string') {
      return value.code;
    }
  } catch {
    // Not JSON: a proxy's page.
  }
  return undefined;
}

/** Retry-After in seconds (RFC 9110, 10.2.3); dates are not used by this server. */
function parseRetryAfter(value: string | null): Millis | undefined {
  const seconds = value === null ? Number.NaN : Number(value);
  return seconds >= 0 ? millis(Math.min(seconds * 1_000, longestWait)) : undefined;
}
