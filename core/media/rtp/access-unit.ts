import type { Ticks } from '../time.ts';
import type { AudioConfig, VideoConfig } from '../track.ts';

/** One packet, in the order of sequence numbers. */
export type DepacketizerInput = {
  /** Without header and padding. May be empty (padding alone), but must come, or its number counts as a gap. Never kept. */
  readonly payload: Uint8Array;
  readonly marker: boolean;
  /** Unwrapped. */
  readonly timestamp: number;
  /** Unwrapped. A jump counts as a gap; what is not newer than the packet before is ignored. */
  readonly sequence: number;
};

/** What the payloads tell of the decoder configuration; frame rate and reordering are the timeline's to judge. */
export type RtpConfig = Omit<VideoConfig, 'frameDuration' | 'reordered'> | AudioConfig;

/** One whole access unit. */
export type AccessUnit = {
  /** As in its packets, unwrapped. */
  readonly timestamp: number;
  /** True where decoding may start here. Always true for Opus. */
  readonly key: boolean;
  /** As `Frame.data`: H.264 with 4-byte lengths and parameter sets removed, AV1 without temporal delimiters. A buffer of its own. */
  readonly data: Uint8Array;
  /** Opus: samples at 48 kHz, from the TOC byte. */
  readonly duration?: Ticks;
  /** The configuration in force from this unit on; with the first unit and wherever it changed. */
  readonly config?: RtpConfig;
};

/**
 * Joins RTP payloads to access units. Never gives out a unit of which a part is missing or malformed, nor one before the
 * first configuration is known. Whether a unit's references were lost before it is the receiver's to know.
 */
export interface Depacketizer {
  /**
   * Takes the next packet. Gives the unit that is complete now: mostly the one whose last packet this is. Where a sender leaves
   * out markers, a unit is complete with the first packet of the next. Never throws.
   */
  push(packet: DepacketizerInput): AccessUnit | undefined;
  /** Packets before the next one were lost for good. */
  gap(): void;
}
