import type { ControlConfig } from '../config.ts';
import { ApiError } from './api-error.ts';
import type { Exchange } from './exchange.ts';

const regionPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/**
 * Where who asks stands: as the query says, else as a trusted proxy says.
 *
 * @throws {ApiError} `malformed` where the query's is none.
 */
export function regionOf({ query, request, proxied }: Pick<Exchange, 'query' | 'request' | 'proxied'>, { regionHeader }: Pick<ControlConfig, 'regionHeader'>): string | undefined {
  const asked = query.get('region');
  if (asked !== null && asked !== '') {
    if (!regionPattern.test(asked)) {
      throw new ApiError(400, 'malformed', 'A region has 1 to 63 letters, digits, dots, dashes and underscores, and begins with a letter or digit.');
    }
    return asked;
  }
  const told = regionHeader === undefined || !proxied ? undefined : request.headers[regionHeader];
  return typeof told === 'string' && regionPattern.test(told) ? told : undefined;
}
