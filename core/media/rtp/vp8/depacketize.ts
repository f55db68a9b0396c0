import { vp8Config } from '../../codecs/vp8/config.ts';
import { parseVp8FrameHeader } from '../../codecs/vp8/frame-header.ts';
import type { AssembledUnit, PayloadReader } from '../unit-assembler.ts';
import { UnitBuffer } from '../unit-buffer.ts';

/**
 * Frames out of RFC 7741 payloads.
 *
 *      0 1 2 3 4 5 6 7
 *     +-+-+-+-+-+-+-+-+
 *     |X|R|N|S|R| PID |   4.2, REQUIRED
 *     +-+-+-+-+-+-+-+-+
 *     |I|L|T|K| RSV   |   with X
 *     |M| PictureID   |   with I, two bytes with M
 *     |   TL0PICIDX   |   with L
 *     |TID|Y| KEYIDX  |   with T or K
 *     +-+-+-+-+-+-+-+-+
 */
export class Vp8Reader implements PayloadReader {
  readonly #unit = new UnitBuffer();
  #size: string | undefined;

  begin(): void {
    this.#unit.clear();
  }

  take(payload: Uint8Array): boolean {
    const at = descriptorLength(payload);
    if (at === undefined) {
      return false;
    }
    // The frame begins with S at partition 0, and only there: what comes without has lost its beginning.
    const starts = (payload[0]! & 0x17) === 0x10;
    if (starts !== (this.#unit.length === 0)) {
      return false;
    }
    return this.#unit.append(payload.subarray(at));
  }

  finish(): AssembledUnit | undefined {
    const header = parseVp8FrameHeader(this.#unit.view(0));
    if (header === undefined) {
      return undefined;
    }
    const { key, size } = header;
    const changed = size !== undefined && this.#size !== `${size.width}x${size.height}` ? vp8Config(size) : undefined;
    if (changed !== undefined) {
      this.#size = `${changed.width}x${changed.height}`;
    }
    return this.#size === undefined ? undefined : { key, data: this.#unit.copy(), ...(changed !== undefined && { config: changed }) };
  }
}

/** Bytes of the payload descriptor; undefined where it is cut off or nothing comes behind it. */
function descriptorLength(payload: Uint8Array): number | undefined {
  let at = 1;
  if ((payload[0]! & 0x80) !== 0) {
    const extension = payload[1] ?? 0;
    at = 2;
    if ((extension & 0x80) !== 0) {
      at += ((payload[at] ?? 0) & 0x80) !== 0 ? 2 : 1;
    }
    at += ((extension & 0x40) !== 0 ? 1 : 0) + ((extension & 0x30) !== 0 ? 1 : 0);
  }
  return at < payload.length ? at : undefined;
}
