/** How the picture is encoded. */
export type PictureSettings = {
  /** Lines of the best layer; of an upright picture, its columns. */
  readonly height: number;
  /** Frames per second. */
  readonly frameRate: number;
  /** Of the best layer at most, bits per second. */
  readonly bitrate: number;
  /** Smaller layers too, so that the server need not encode them. */
  readonly simulcast: boolean;
};

/** One layer as `RTCRtpEncodingParameters` want it; everything that {@link layersOf} sets is there. */
export type Layer = {
  readonly rid?: string;
  readonly maxBitrate: number;
  readonly maxFramerate: number;
  readonly scaleResolutionDownBy: number;
  readonly scalabilityMode: string;
};

/** Bit rate by height at 30 frames a second: what a hardware encoder or a software encoder in a hurry needs for a clean picture. */
const bitrates: readonly (readonly [height: number, bitrate: number])[] = [
  [1440, 9_000_000],
  [1080, 5_000_000],
  [720, 2_500_000],
  [540, 1_600_000],
  [480, 1_300_000],
  [360, 800_000],
  [0, 400_000],
];

/** Twice the frames need not twice the bits: neighbours are more alike. */
const manyFrames = { above: 30, factor: 1.5 };

/** Of simulcast: from so many lines on, these divisors. A layer below 180 lines is of no use to anybody. */
const layerings: readonly (readonly [height: number, divisors: readonly number[]])[] = [
  [720, [4, 2, 1]],
  [360, [2, 1]],
  [0, [1]],
];

/** Bit rate that suits a picture, bits per second. */
export function automaticBitrate(height: number, frameRate: number): number {
  const base = bitrates.find(([lines]) => height >= lines)?.[1] ?? 400_000;
  return frameRate > manyFrames.above ? base * manyFrames.factor : base;
}

/**
 * The layers to send, smallest first, as Chromium gives out bandwidth in this order. One layer has no rid. Each has one
 * spatial and one temporal layer (`L1T1`): what others would add, the server cannot take apart.
 */
export function layersOf({ height, frameRate, bitrate, simulcast }: PictureSettings): readonly Layer[] {
  const divisors = simulcast ? (layerings.find(([lines]) => height >= lines)?.[1] ?? [1]) : [1];
  return divisors.map((divisor) => ({
    ...(divisors.length > 1 ? { rid: `${Math.round(height / divisor)}p` } : {}),
    // A quarter of the pixels need more than a quarter of the bits: 2^1.5 for each halving.
    maxBitrate: Math.round(bitrate / divisor ** 1.5),
    maxFramerate: frameRate,
    scaleResolutionDownBy: divisor,
    scalabilityMode: 'L1T1',
  }));
}

/** What all layers take together at most, bits per second. */
export function totalBitrate(layers: readonly Layer[]): number {
  return layers.reduce((sum, { maxBitrate }) => sum + maxBitrate, 0);
}
