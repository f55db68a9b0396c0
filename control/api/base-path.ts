import type { ControlConfig } from '../config.ts';
import type { Exchange } from './exchange.ts';

/** What stands before every path that the API names: as configured, since a proxy may have taken it off on the way here, else as the request had it. */
export function basePathFor({ publicUrl }: Pick<ControlConfig, 'publicUrl'>): (exchange: Pick<Exchange, 'baseUrl'>) => string {
  const configured = publicUrl === undefined ? undefined : new URL(publicUrl).pathname.replace(/\/+$/, '');
  return ({ baseUrl }) => configured ?? baseUrl;
}
