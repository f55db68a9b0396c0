import { isStreamName, parseStreamKey } from '../../access/stream-key.ts';
import type { StreamName } from '../../bus/catalog.ts';

/** What a path of WHIP or WHEP names. */
export type SignallingTarget =
  /** `/whip`, `/whip/<stream>`, `/whip/<key>`, `/whep/<stream>`: where sessions are asked for. */
  | { readonly kind: 'endpoint'; readonly stream: StreamName | undefined; readonly key: string | undefined }
  /** `/whip/<stream>/<id>`, `/whep/<stream>/<id>`. */
  | { readonly kind: 'session'; readonly stream: StreamName; readonly id: string }
  /** Below the protocol's prefix, but nothing that is there. */
  | { readonly kind: 'nothing' };

const idPattern = /^[A-Za-z0-9_-]{32}$/;

/**
 * Reads a request's target.
 *
 * @returns undefined where it is not of this protocol.
 */
export function parseTarget(protocol: 'whip' | 'whep', basePath: string, url: string): SignallingTarget | undefined {
  const path = url.replace(/[?#].*$/s, '');
  const local = basePath !== '' && path.startsWith(`${basePath}/`) ? path.slice(basePath.length) : path;
  const prefix = `/${protocol}`;
  if (local !== prefix && !local.startsWith(`${prefix}/`)) {
    return undefined;
  }
  const [name = '', id, ...more] = local.slice(prefix.length + 1).split('/');
  if (more.length > 0) {
    return { kind: 'nothing' };
  }
  if (id !== undefined && id !== '') {
    return isStreamName(name) && idPattern.test(id) ? { kind: 'session', stream: name, id } : { kind: 'nothing' };
  }
  if (isStreamName(name)) {
    return { kind: 'endpoint', stream: name, key: undefined };
  }
  if (protocol === 'whip' && (name === '' || parseStreamKey(name) !== undefined)) {
    return { kind: 'endpoint', stream: undefined, key: name === '' ? undefined : name };
  }
  return { kind: 'nothing' };
}
