import { readFile } from 'node:fs/promises';

/** A tag of an FLV file: what RTMP sends as a message (FLV, E.4.1). */
export type FlvTag = { readonly type: number; readonly timestamp: number; readonly payload: Uint8Array };

const FILE_HEADER = 9;
const TAG_HEADER = 11;
const SIZE_FIELD = 4;

/** Reads the tags of an FLV file. */
export async function readFlv(path: string): Promise<readonly FlvTag[]> {
  const bytes = await readFile(path);
  const tags: FlvTag[] = [];
  for (let at = FILE_HEADER + SIZE_FIELD; at + TAG_HEADER <= bytes.length; ) {
    const length = bytes.readUIntBE(at + 1, 3);
    const timestamp = bytes.readUIntBE(at + 4, 3) + (bytes[at + 7] ?? 0) * 2 ** 24;
    tags.push({ type: bytes[at] ?? 0, timestamp, payload: Uint8Array.from(bytes.subarray(at + TAG_HEADER, at + TAG_HEADER + length)) });
    at += TAG_HEADER + length + SIZE_FIELD;
  }
  return tags;
}
