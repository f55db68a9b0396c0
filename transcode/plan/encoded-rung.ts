import type { Face, SourceTrack } from '#core/bus/catalog.ts';
import { VIDEO_TIMESCALE } from '#core/media/time.ts';
import { trackName, type TrackName, type VideoConfig } from '#core/media/track.ts';
import { encodeCost } from './cost.ts';
import { rungRate, videoLabel, type RungRate } from './frame-rate.ts';
import { codecStringOf, levelFor, type H264Profile } from './level.ts';
import { scaledTo, shorterSide, type Rung } from './rung.ts';

/** One rung to be encoded, with everything that its encoder is told. */
export type EncodedRung = {
  readonly track: TrackName;
  readonly label: string;
  readonly faces: readonly Face[];
  readonly reason: string;
  readonly width: number;
  readonly height: number;
  readonly rate: RungRate;
  /** Mean bits per second, also the VBV's rate. */
  readonly bitrate: number;
  /** Size of the VBV in bits. */
  readonly bufsize: number;
  /** Most bits that a second can hold: what the VBV gains in it and its whole buffer. */
  readonly bandwidth: number;
  readonly profile: H264Profile;
  /** 31 is level 3.1. */
  readonly levelIdc: number;
  /** As planned; `description` comes with the first frame. */
  readonly config: VideoConfig;
  /** Megapixels per second. */
  readonly cost: number;
};

/**
 * Seconds of bit rate that the VBV holds. Small, because a frame can only be delayed by what the buffer lets it exceed;
 * large enough for a group's key frame.
 */
const VBV_SECONDS = 0.35;

/** Works out one rung of a source. */
export function encodedRung(of: {
  readonly source: SourceTrack;
  readonly rung: Rung;
  /** Place in the ladder, passed through rungs counted; 0 is the top. */
  readonly place: number;
  readonly why: string;
  readonly faces: readonly Face[];
  /** Default: `high`. */
  readonly profile?: H264Profile;
}): EncodedRung {
  const source = of.source.config as VideoConfig;
  const size = scaledTo(source, of.rung.height);
  const rate = rungRate(of.source, of.place);
  const { bitrate } = of.rung;
  const profile = of.profile ?? 'high';
  const bufsize = Math.round(bitrate * VBV_SECONDS);
  const levelIdc = levelFor({ ...size, frameRate: rate.frameRate, maxrate: bitrate, bufsize });
  const side = shorterSide(size);
  return {
    track: trackName(`v${side}`),
    label: videoLabel(side, rate.frameRate),
    faces: of.faces,
    reason: of.why,
    ...size,
    rate,
    bitrate,
    bufsize,
    bandwidth: bitrate + bufsize,
    profile,
    levelIdc,
    config: {
      kind: 'video',
      codec: 'h264',
      codecString: codecStringOf(profile, levelIdc),
      description: new Uint8Array(),
      ...size,
      timescale: VIDEO_TIMESCALE,
      frameDuration: rate.frameDuration,
      reordered: false,
    },
    cost: encodeCost(size, rate.frameRate),
  };
}
