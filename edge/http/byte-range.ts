/** A range of bytes, both ends included. */
export type ByteRange = { readonly first: number; readonly last: number };

const single = /^bytes=(\d{0,15})-(\d{0,15})$/;

/**
 * Reads a Range header for a body of `size` bytes (RFC 9110, 14.1.2 and 14.2).
 *
 * @returns undefined where the whole body is to be sent: no header, another unit, several ranges, a malformed one ("A server
 *   ... MAY ignore the Range header field"); `unsatisfiable` where it lies outside the body (416).
 */
export function parseRange(header: string | undefined, size: number): ByteRange | 'unsatisfiable' | undefined {
  const match = header === undefined ? null : single.exec(header);
  if (match === null) {
    return undefined;
  }
  const [, from = '', to = ''] = match;
  if (from === '') {
    if (to === '') {
      return undefined;
    }
    const length = Math.min(Number(to), size);
    return length === 0 ? 'unsatisfiable' : { first: size - length, last: size - 1 };
  }
  const first = Number(from);
  const last = to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (to !== '' && Number(to) < first) {
    return undefined;
  }
  return first >= size ? 'unsatisfiable' : { first, last };
}
