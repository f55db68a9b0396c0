import { MillraceError } from '#core/runtime/errors.ts';
import { ApiError } from './api-error.ts';

/** How the API tells of an error that came over the bus. */
export type Translation = readonly [status: number, code: string, retryAfterSeconds?: number];

/** What a bus between machines says of itself: nothing is wrong with the question, and it may be put again. */
export const BUS_AWAY: Readonly<Record<string, Translation>> = {
  'bus/unreachable': [503, 'unavailable', 5],
  'bus/busy': [503, 'unavailable', 5],
};

/** Translates what {@link Bus.request} threw; what is not in the table is a fault of ours. `message` tells what is lost where nobody answers. */
export function asAnswer(thrown: unknown, table: Readonly<Record<string, Translation>>, message: string): unknown {
  if (!(thrown instanceof MillraceError)) {
    return thrown;
  }
  const found = Object.hasOwn(table, thrown.code) ? table[thrown.code] : undefined;
  if (found === undefined) {
    return thrown;
  }
  const [status, code, retryAfter] = found;
  const headers = retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) };
  // What the bus says of itself is of no use to who asked over HTTP.
  return new ApiError(status, code, thrown.code.startsWith('bus/') ? message : thrown.message, headers, thrown);
}
