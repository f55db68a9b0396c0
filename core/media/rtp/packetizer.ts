import { MillraceError } from '../../runtime/errors.ts';
import { OPUS_RATE } from '../codecs/opus/config.ts';
import type { Frame } from '../frame.ts';
import { VIDEO_TIMESCALE, rescale, timescale } from '../time.ts';
import type { ConfigId, TrackConfig } from '../track.ts';
import { packetizeAv1, sequenceElementOf } from './av1/packetize.ts';
import { packetizeH264, parameterSetsOf } from './h264/packetize.ts';
import type { PacketizedFrame } from './packetized-frame.ts';
import type { RtpCodec } from './rtp-codec.ts';
import { packetizeVp8 } from './vp8/packetize.ts';
import { packetizeVp9 } from './vp9/packetize.ts';

export type { RtpCodec } from './rtp-codec.ts';

const OPUS_TIMESCALE = timescale(OPUS_RATE);

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
export function createPacketizer(codec: RtpCodec, options: PacketizerOptions = {}): Packetizer {
  return new TrackPacketizer(codec, options.maxPayload ?? DEFAULT_MAX_PAYLOAD);
}

/** 1,200 bytes of UDP payload less 12 of RTP header, 10 or so of extensions, 16 of tag and 2 of RTX. */
const DEFAULT_MAX_PAYLOAD = 1160;

/** Below it fragments would hold little but their own headers. */
const MIN_MAX_PAYLOAD = 64;

/** The payloads of an access unit. */
type PayloadWriter = (data: Uint8Array, key: boolean) => Uint8Array[];

class TrackPacketizer implements Packetizer {
  readonly #codec: RtpCodec;
  readonly #maxPayload: number;
  #config: TrackConfig | undefined;
  #configId: ConfigId | undefined;
  #write: PayloadWriter | undefined;

  constructor(codec: RtpCodec, maxPayload: number) {
    if (maxPayload < MIN_MAX_PAYLOAD) {
      throw new RangeError(`RTP payloads of ${maxPayload} bytes`);
    }
    this.#codec = codec;
    this.#maxPayload = maxPayload;
  }

  packetize(frame: Frame): PacketizedFrame {
    if (frame.head !== undefined && (frame.config !== this.#configId || this.#config === undefined)) {
      this.#enter(frame.head.config, frame.config);
    }
    const config = this.#config;
    if (config === undefined || this.#write === undefined || frame.config !== this.#configId) {
      throw new MillraceError('rtp/no-config', `no configuration for group ${frame.group} of ${frame.track}`);
    }
    const payloads = this.#write(frame.data, frame.key);
    if (payloads.length === 0) {
      throw new MillraceError('media/malformed', `an empty access unit in group ${frame.group} of ${frame.track}`);
    }
    return {
      group: frame.group,
      epoch: frame.epoch,
      index: frame.index,
      key: frame.key,
      timestamp: rescale(frame.pts, config.timescale, config.kind === 'video' ? VIDEO_TIMESCALE : OPUS_TIMESCALE),
      config,
      payloads,
      byteLength: payloads.reduce((sum, payload) => sum + payload.length, 0),
    };
  }

  #enter(config: TrackConfig, id: ConfigId): void {
    if (config.codec !== this.#codec) {
      throw new MillraceError('rtp/codec-mismatch', `${config.codec} where ${this.#codec} is packetised`);
    }
    this.#write = payloadWriter(this.#codec, config.description, this.#maxPayload);
    this.#config = config;
    this.#configId = id;
  }
}

function payloadWriter(codec: RtpCodec, description: Uint8Array, maxPayload: number): PayloadWriter {
  switch (codec) {
    case 'h264': {
      const sets = parameterSetsOf(description);
      return (data, key) => packetizeH264(data, key, sets, maxPayload);
    }
    case 'vp8':
      return (data) => packetizeVp8(data, maxPayload);
    case 'vp9':
      return (data, key) => packetizeVp9(data, key, maxPayload);
    case 'av1': {
      const sequence = sequenceElementOf(description);
      return (data, key) => packetizeAv1(data, key, sequence, maxPayload);
    }
    case 'opus':
      // RFC 7587, 4.2: one packet is one payload, whatever its size.
      return (data) => (data.length > 0 ? [data] : []);
  }
}
