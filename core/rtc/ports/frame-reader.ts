/** Longest frame: more than any datagram on a path with an MTU of 1,500. */
export const MAX_FRAME_BYTES = 2048;
const LENGTH_BYTES = 2;

/**
 * Cuts a TCP stream into packets, RFC 4571, 2. Holds less than one frame.
 *
 * ```
 * | LENGTH (16) | RTP, RTCP, STUN or DTLS packet |
 * ```
 */
export class FrameReader {
  #rest: Buffer | undefined;
  #held = 0;

  /**
   * Takes what came.
   *
   * @returns false where a frame is longer than {@link MAX_FRAME_BYTES}: the stream is lost.
   */
  push(chunk: Buffer, frame: (bytes: Buffer) => void): boolean {
    let at = 0;
    while (at < chunk.length) {
      if (this.#held === 0 && chunk.length - at >= LENGTH_BYTES) {
        const length = chunk.readUInt16BE(at);
        if (length > MAX_FRAME_BYTES) {
          return false;
        }
        if (chunk.length - at >= LENGTH_BYTES + length) {
          const begin = at + LENGTH_BYTES;
          at = begin + length;
          frame(chunk.subarray(begin, at));
          continue;
        }
      }
      // The frame is torn: its beginning waits in a buffer of its own.
      this.#rest ??= Buffer.alloc(LENGTH_BYTES + MAX_FRAME_BYTES);
      const wanted = this.#held < LENGTH_BYTES ? LENGTH_BYTES : LENGTH_BYTES + this.#rest.readUInt16BE(0);
      const taken = Math.min(wanted - this.#held, chunk.length - at);
      chunk.copy(this.#rest, this.#held, at, at + taken);
      this.#held += taken;
      at += taken;
      if (this.#held < LENGTH_BYTES) {
        continue;
      }
      const length = this.#rest.readUInt16BE(0);
      if (length > MAX_FRAME_BYTES) {
        return false;
      }
      if (this.#held === LENGTH_BYTES + length) {
        this.#held = 0;
        const whole = this.#rest.subarray(LENGTH_BYTES, LENGTH_BYTES + length);
        this.#rest = undefined;
        frame(whole);
      }
    }
    return true;
  }
}

/** A packet with its length before it. */
export function writeFrame(packet: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(LENGTH_BYTES + packet.length);
  bytes.writeUInt16BE(packet.length, 0);
  bytes.set(packet, LENGTH_BYTES);
  return bytes;
}
