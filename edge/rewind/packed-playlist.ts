import { constants, crc32, deflateRawSync } from 'node:zlib';

import { Payload, type Form } from '../http/payload.ts';

/** A stretch of a playlist, plain and compressed, that can be put beside others in either form. */
export type PackedBlock = { readonly plain: Buffer; readonly deflated: Buffer };

/** Header of a gzip member without name and time (RFC 1952, 2.3), written on Unix. */
const GZIP_HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);

/** An empty block of fixed codes with the mark of the last one (RFC 1951, 3.2.3). */
const LAST_BLOCK = Buffer.from([3, 0]);

/** Compresses a stretch so that it ends on a byte and refers to nothing before it: its deflate blocks can follow any others. */
export function packBlock(text: string): PackedBlock {
  const plain = Buffer.from(text);
  return { plain, deflated: deflateRawSync(plain, { finishFlush: constants.Z_FULL_FLUSH }) };
}

/**
 * A playlist put together from stretches that were compressed before: two hours of segments are 650 KB, which would take 10 ms to compress for every
 * second in which a segment is added; of the stretches only the first and the last one change.
 */
export class PackedPlaylist extends Payload {
  readonly #blocks: readonly PackedBlock[];
  readonly #forms = new Map<string, Form>();
  #gzip: Buffer | undefined;

  constructor(blocks: readonly PackedBlock[]) {
    super(Buffer.concat(blocks.map(({ plain }) => plain)), { contentType: 'application/vnd.apple.mpegurl', compress: true });
    this.#blocks = blocks;
  }

  override form(cacheControl: string, acceptsGzip: boolean): Form {
    if (!acceptsGzip) {
      return super.form(cacheControl, false);
    }
    let form = this.#forms.get(cacheControl);
    if (form === undefined) {
      const bytes = (this.#gzip ??= this.#member());
      const headers = [...super.form(cacheControl, false).headers];
      headers[headers.indexOf('Content-Length') + 1] = String(bytes.length);
      form = { bytes, headers: [...headers, 'Content-Encoding', 'gzip'] };
      this.#forms.set(cacheControl, form);
    }
    return form;
  }

  #member(): Buffer {
    const trailer = Buffer.alloc(8);
    trailer.writeUInt32LE(crc32(this.bytes), 0);
    trailer.writeUInt32LE(this.bytes.length >>> 0, 4);
    return Buffer.concat([GZIP_HEADER, ...this.#blocks.map(({ deflated }) => deflated), LAST_BLOCK, trailer]);
  }
}
