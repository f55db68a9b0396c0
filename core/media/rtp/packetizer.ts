import type { Frame } from '../frame.ts';
import type { PacketizedFrame } from './packetized-frame.ts';

/** Codecs that have an RTP payload format here. */
export type RtpCodec = 'h264' | 'vp8' | 'vp9' | 'av1' | 'opus';

/** Options of {@link createPacketizer}. */
export type PacketizerOptions = {
  /** Bytes of a payload at most. Default 1,160: with header, extensions, tag and RTX 1,200, which every path carries. */
  readonly maxPayload?: number;
};

/** Turns the frames of one track into RTP payloads, once for all viewers. */
export interface Packetizer {
  /**
   * Packetises the next frame of the track. Remembers the configuration of the last group's head.
   *
   * @throws {MillraceError} `rtp/no-config` where the head of the frame's group did not come, `rtp/codec-mismatch` where the
   *   track is of another codec, `media/malformed` or `media/truncated` where the frame cannot be read. The next may come.
   */
  packetize(frame: Frame): PacketizedFrame;
}

/** Makes a packetiser for one track. */
export function createPacketizer(_codec: RtpCodec, _options: PacketizerOptions = {}): Packetizer {
  throw new RangeError('not written yet');
}
