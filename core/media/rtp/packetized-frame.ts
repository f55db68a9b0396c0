import type { Ticks } from '../time.ts';
import type { TrackConfig } from '../track.ts';

/**
 * One access unit as RTP payloads, made once per rendition and shared by every viewer. Whatever differs between viewers
 * (sequence number, SSRC, payload type, timestamp offset, header extensions) is in the header, which is not here.
 */
export type PacketizedFrame = {
  readonly group: number;
  readonly epoch: number;
  /** Position in the group. */
  readonly index: number;
  /** True where decoding may start here; the payloads then begin with the parameter sets. */
  readonly key: boolean;
  /** Presentation time on the broadcast's timeline in ticks of the codec's RTP clock: 90,000 for video, 48,000 for Opus. */
  readonly timestamp: Ticks;
  /** The configuration in force: codec, profile and size decide who may have the frame. */
  readonly config: TrackConfig;
  /**
   * RTP payloads in the order of sending; the marker bit belongs on the last one of a video frame. As equal in size as the codec allows, so that the
   * kernel can cut them apart. Views that must never be written to.
   */
  readonly payloads: readonly Uint8Array[];
  /** Sum of the payloads. */
  readonly byteLength: number;
};
