/** What a client asks of a media playlist by its query (rfc8216bis, 6.2.5): the delivery directives. */
export type Directives = {
  /** `_HLS_msn`: answer once the segment of this number is whole, or (`part`) once its part exists. */
  readonly msn: number | undefined;
  /** `_HLS_part`, from 0. */
  readonly part: number | undefined;
  /** `_HLS_skip=YES` or `v2`: a delta update will do. */
  readonly skip: boolean;
};

/** No directives: the playlist as it is. */
export const NO_DIRECTIVES: Directives = { msn: undefined, part: undefined, skip: false };

// Beyond 15 digits a number is no longer exact.
const integer = /^\d{1,15}$/;

/**
 * Reads the delivery directives of a query (without `?`). Other parameters are ignored, as is what caches and players add.
 *
 * @returns undefined where a directive is malformed, given twice, or `_HLS_part` stands without `_HLS_msn`
 *   (rfc8216bis, 6.2.5.2: "If the _HLS_msn directive is not present ... the server SHOULD return 400").
 */
export function parseDirectives(query: string): Directives | undefined {
  if (!query.includes('_HLS_')) {
    return NO_DIRECTIVES;
  }
  let msn: number | undefined;
  let part: number | undefined;
  let skip: boolean | undefined;
  for (const pair of query.split('&')) {
    const equals = pair.indexOf('=');
    const name = equals < 0 ? pair : pair.slice(0, equals);
    const value = equals < 0 ? '' : pair.slice(equals + 1);
    if (name === '_HLS_msn' && msn === undefined && integer.test(value)) {
      msn = Number(value);
    } else if (name === '_HLS_part' && part === undefined && integer.test(value)) {
      part = Number(value);
    } else if (name === '_HLS_skip' && skip === undefined && (value === 'YES' || value === 'v2')) {
      skip = true;
    } else if (name === '_HLS_msn' || name === '_HLS_part' || name === '_HLS_skip') {
      return undefined;
    }
  }
  if (part !== undefined && msn === undefined) {
    return undefined;
  }
  return { msn, part, skip: skip ?? false };
}
