import { sampleData, sortAccessUnit } from '#core/media/codecs/h264/access-unit.ts';
import { h264Config } from '#core/media/codecs/h264/avcc.ts';
import { splitAnnexB } from '#core/media/codecs/h264/nal-unit.ts';
import type { NutPacket } from '#core/media/containers/nut/demuxer.ts';
import type { NutStream } from '#core/media/containers/nut/headers.ts';
import { rescale, VIDEO_TIMESCALE, type Ticks } from '#core/media/time.ts';
import { configIdOf, type ConfigId, type VideoConfig } from '#core/media/track.ts';
import { MillraceError } from '#core/runtime/errors.ts';
import type { EncodedRung } from '../plan/encoded-rung.ts';

/** One access unit as an encoder gave it, ready for the bus but for its place. */
export type EncodedPicture = {
  readonly pts: Ticks;
  /** True for an IDR picture, whatever the container claims. */
  readonly key: boolean;
  readonly data: Uint8Array;
};

/** The configuration that an encoder's stream header announces. */
export type EncodedConfig = { readonly config: VideoConfig; readonly id: ConfigId };

/**
 * Reads a rung's configuration from its NUT stream: Annex B parameter sets become `avcC`.
 *
 * @throws {MillraceError} `media/malformed` where they are missing or broken.
 */
export function encodedConfig(stream: NutStream, rung: EncodedRung): EncodedConfig {
  const sets = sortAccessUnit(splitAnnexB(stream.description));
  const { config } = h264Config(sets);
  const whole: VideoConfig = { ...config, frameDuration: rung.rate.frameDuration, reordered: false };
  return { config: whole, id: configIdOf(whole) };
}

/**
 * An access unit as `Frame.data` wants it: 4-byte lengths, parameter sets removed.
 *
 * @throws {MillraceError} `media/malformed` where it holds no picture.
 */
export function encodedPicture(packet: NutPacket): EncodedPicture {
  const unit = sortAccessUnit(splitAnnexB(packet.data));
  if (!unit.picture) {
    throw new MillraceError('media/malformed', 'the encoder gave an access unit without a picture');
  }
  return { pts: rescale(packet.pts, packet.stream.timescale, VIDEO_TIMESCALE), key: unit.idr, data: sampleData(unit) };
}
