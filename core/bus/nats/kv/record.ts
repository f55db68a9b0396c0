/**
 * One process among all that ever were: its node's name and what tells its runs apart. Leases, broadcasts and catalogs name who wrote them by it.
 */
export type Session = string;

/** What stands under a key: who wrote it, under which fence, and what. The body is left as bytes: most of what a process holds it never reads. */
export type Record = {
  readonly fence: number;
  /** Empty where nobody holds what the record is about. */
  readonly by: Session;
  readonly body: Uint8Array;
};

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const LINE_FEED = 10;

/** `<fence> <by>` and the body behind a line feed. */
export function encodeRecord({ fence, by, body }: Record): Uint8Array {
  const head = encoder.encode(`${fence} ${by}\n`);
  const bytes = new Uint8Array(head.byteLength + body.byteLength);
  bytes.set(head);
  bytes.set(body, head.byteLength);
  return bytes;
}

/** What {@link encodeRecord} was given; undefined where the bytes are something else. */
export function decodeRecord(bytes: Uint8Array): Record | undefined {
  const end = bytes.indexOf(LINE_FEED);
  const [, fence, by] = /^(\d{1,16}) (\S*)$/.exec(decoder.decode(bytes.subarray(0, Math.max(end, 0)))) ?? [];
  return fence === undefined || by === undefined ? undefined : { fence: Number(fence), by, body: bytes.subarray(end + 1) };
}
