import type { Ticks, Timescale } from './time.ts';

declare const trackNameBrand: unique symbol;
declare const configIdBrand: unique symbol;

/**
 * Name of a track within its broadcast, as it stands in media URLs: `[a-z0-9][a-z0-9-]{0,31}`. The source's tracks are
 * `video` and `audio`; encoded rungs are named after their height (`v720`), encoded audio after its codec (`opus`).
 */
export type TrackName = string & { readonly [trackNameBrand]: true };

/** Identifies a decoder configuration by its content: equal configurations have equal ids, in every process. */
export type ConfigId = string & { readonly [configIdBrand]: true };

/** What a decoder and a packager need to know of a video track before its first access unit. */
export type VideoConfig = {
  readonly kind: 'video';
  readonly codec: 'h264' | 'hevc' | 'vp8' | 'vp9' | 'av1';
  /** RFC 6381 string, e.g. `avc1.64001f`. */
  readonly codecString: string;
  /** Codec configuration record as MP4 stores it; for H.264 the payload of `avcC` (ISO/IEC 14496-15, 5.3.3.1). */
  readonly description: Uint8Array;
  /** Display size in pixels, cropping applied. */
  readonly width: number;
  readonly height: number;
  /** Always 90,000. */
  readonly timescale: Timescale;
  /** Duration of one frame on the constant-rate grid; 0 where the frame rate varies. May be a fraction (59.94 fps: 1501.5). */
  readonly frameDuration: number;
  /** True where decoding order differs from presentation order. */
  readonly reordered: boolean;
};

/** What a decoder and a packager need to know of an audio track before its first access unit. */
export type AudioConfig = {
  readonly kind: 'audio';
  readonly codec: 'aac' | 'opus';
  /** RFC 6381 string, e.g. `mp4a.40.2`. */
  readonly codecString: string;
  /** AAC: AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1); Opus: payload of `dOps`. */
  readonly description: Uint8Array;
  readonly sampleRate: number;
  readonly channels: number;
  /** The sample rate. */
  readonly timescale: Timescale;
  /** Samples of one frame: AAC 1024 (HE-AAC 2048 of the output rate), Opus 960. */
  readonly frameDuration: number;
};

/** The configuration of any track. */
export type TrackConfig = VideoConfig | AudioConfig;

const trackNamePattern = /^[a-z0-9][a-z0-9-]{0,31}$/;

/** Tells whether a string may name a track. */
export function isTrackName(value: string): value is TrackName {
  return trackNamePattern.test(value);
}

/**
 * Brands a track's name.
 *
 * @throws {RangeError} where the name does not match `[a-z0-9][a-z0-9-]{0,31}`.
 */
export function trackName(value: string): TrackName {
  if (!isTrackName(value)) {
    throw new RangeError(`not a track name: ${JSON.stringify(value)}`);
  }
  return value;
}

/** The id of a configuration: 64 bits of FNV-1a over everything in it, as 16 hexadecimal digits. */
export function configIdOf(config: TrackConfig): ConfigId {
  const { description, ...rest } = config;
  const text = JSON.stringify(Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1)));
  let hash = 0xcbf29ce484222325n;
  const mix = (byte: number): void => {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  };
  new TextEncoder().encode(text).forEach(mix);
  description.forEach(mix);
  return hash.toString(16).padStart(16, '0') as ConfigId;
}

/** The pts of a track's frame as seconds, for comparisons across tracks of different timescales. */
export function secondsOf(value: Ticks, config: { readonly timescale: Timescale }): number {
  return value / config.timescale;
}
