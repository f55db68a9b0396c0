import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';

import type { NodeId } from '#core/bus/node.ts';

/** A name for this process where none is configured: the host's, and an end that tells it from others there. */
export function nodeNameOf(configured: string | undefined, host = hostname()): NodeId {
  if (configured !== undefined) {
    return configured;
  }
  const [first = ''] = host.toLowerCase().split('.');
  const base = first.replaceAll(/[^a-z0-9-]+/g, '-').replaceAll(/^-+|-+$/g, '').slice(0, 48);
  return `${base === '' ? 'node' : base}-${randomBytes(3).toString('hex')}`;
}
