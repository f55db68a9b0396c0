import { ONE_BYTE_PROFILE, RTP_HEADER_BYTES } from '../../media/rtp/rtp-header.ts';
import type { Millis } from '../../media/time.ts';
import type { PacketBatch } from '../packet-batch.ts';
import type { ExtensionIds } from './options.ts';

/** abs-send-time: 24 bits of seconds with 18 bits of fraction. */
const ABS_SEND_UNITS_PER_MILLI = 2 ** 18 / 1000;

/**
 * Writes the packets of one SSRC into a batch: a header made once, of which only what changes is written anew.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     |       0xBE    |    0xDE       |           length              |   RFC 8285, 4.2
 *     |  ID   |  L=2  |                abs-send-time                  |
 *     |  ID   |  L=1  |  transport-wide sequence no.  |  ID   | L=m-1 |
 *     |   mid ...                     |    zero padding
 */
export class RtpWriter {
  readonly #template: Uint8Array;
  readonly #absSendTimeAt: number;
  readonly #transportCcAt: number;

  /** @param mid written where given, and its extension negotiated. */
  constructor(ssrc: number, extensions: ExtensionIds, mid: string | undefined) {
    const elements: number[] = [];
    let absSendTimeAt = 0;
    let transportCcAt = 0;
    const first = RTP_HEADER_BYTES + 4;
    if (extensions.absSendTime !== undefined) {
      absSendTimeAt = first + elements.push((extensions.absSendTime << 4) | 2);
      elements.push(0, 0, 0);
    }
    if (extensions.transportCc !== undefined) {
      transportCcAt = first + elements.push((extensions.transportCc << 4) | 1);
      elements.push(0, 0);
    }
    if (extensions.mid !== undefined && mid !== undefined) {
      const text = new TextEncoder().encode(mid).subarray(0, 16);
      elements.push((extensions.mid << 4) | (text.length - 1), ...text);
    }
    const words = Math.ceil(elements.length / 4);
    const template = new Uint8Array(words === 0 ? RTP_HEADER_BYTES : first + 4 * words);
    const view = new DataView(template.buffer);
    template[0] = words === 0 ? 0x80 : 0x90;
    view.setUint32(8, ssrc);
    if (words > 0) {
      view.setUint16(RTP_HEADER_BYTES, ONE_BYTE_PROFILE);
      view.setUint16(RTP_HEADER_BYTES + 2, words);
      template.set(elements, first);
    }
    this.#template = template;
    this.#absSendTimeAt = absSendTimeAt;
    this.#transportCcAt = transportCcAt;
  }

  /** Bytes of the header with its extensions. */
  get headerLength(): number {
    return this.#template.length;
  }

  /**
   * Writes a header at a place that the batch has given.
   *
   * @returns where the payload belongs.
   */
  header(batch: PacketBatch, at: number, payloadType: number, marker: boolean, sequence: number, timestamp: number, transportSequence: number, now: Millis): number {
    const { bytes, view } = batch;
    bytes.set(this.#template, at);
    bytes[at + 1] = (marker ? 0x80 : 0) | payloadType;
    view.setUint16(at + 2, sequence & 0xffff);
    view.setUint32(at + 4, timestamp >>> 0);
    if (this.#absSendTimeAt > 0) {
      const time = Math.floor(now * ABS_SEND_UNITS_PER_MILLI) % 0x100_0000;
      const place = at + this.#absSendTimeAt;
      bytes[place] = time >>> 16;
      bytes[place + 1] = time >>> 8;
      bytes[place + 2] = time;
    }
    if (this.#transportCcAt > 0) {
      view.setUint16(at + this.#transportCcAt, transportSequence & 0xffff);
    }
    return at + this.#template.length;
  }
}

/** Marks the packet at `at` as padded, and writes the last byte of its padding (RFC 3550, 5.1). The bytes between are zero. */
export function writePadding(batch: PacketBatch, at: number, from: number, padding: number): void {
  batch.bytes[at]! |= 0x20;
  batch.bytes.fill(0, from, from + padding - 1);
  batch.bytes[from + padding - 1] = padding;
}
