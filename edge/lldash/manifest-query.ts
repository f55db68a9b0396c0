import { isBroadcastId, type BroadcastId } from '#core/media/frame.ts';

/** What a client asks of a manifest by its query. */
export type ManifestQuery = {
  /** Answer once a later group than this one has begun. */
  readonly after: number | undefined;
  /** The broadcast that the client plays; undefined for what is on air. */
  readonly broadcast: BroadcastId | undefined;
};

// Beyond 15 digits a number is no longer exact.
const integer = /^\d{1,15}$/;

/**
 * Reads a manifest's query (without `?`): `broadcast` and `after`, as a manifest's own `Location` has them. Other parameters are ignored, as is what caches
 * and players add.
 *
 * @returns undefined where one of them is malformed or given twice.
 */
export function parseManifestQuery(query: string): ManifestQuery | undefined {
  let after: number | undefined;
  let broadcast: BroadcastId | undefined;
  for (const pair of query === '' ? [] : query.split('&')) {
    const equals = pair.indexOf('=');
    const name = equals < 0 ? pair : pair.slice(0, equals);
    const value = equals < 0 ? '' : pair.slice(equals + 1);
    if (name === 'after' && after === undefined && integer.test(value)) {
      after = Number(value);
    } else if (name === 'broadcast' && broadcast === undefined && isBroadcastId(value)) {
      broadcast = value;
    } else if (name === 'after' || name === 'broadcast') {
      return undefined;
    }
  }
  return { after, broadcast };
}
