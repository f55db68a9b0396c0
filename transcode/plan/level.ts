/** H.264, table A-1: limits of a level. Bit rate and buffer are those of the High profile (1.25 times the table's). */
type Level = { readonly idc: number; readonly mbps: number; readonly fs: number; readonly dpb: number; readonly bitrate: number; readonly buffer: number };

const high = (idc: number, mbps: number, fs: number, dpb: number, bitrate: number, buffer: number): Level => ({
  idc,
  mbps,
  fs,
  dpb,
  bitrate: bitrate * 1250,
  buffer: buffer * 1250,
});

/** From 3 upwards: below it nothing decodes that would not decode 3. */
const LEVELS: readonly Level[] = [
  high(30, 40_500, 1620, 8100, 10_000, 10_000),
  high(31, 108_000, 3600, 18_000, 14_000, 14_000),
  high(32, 216_000, 5120, 20_480, 20_000, 20_000),
  high(40, 245_760, 8192, 32_768, 20_000, 25_000),
  high(41, 245_760, 8192, 32_768, 50_000, 62_500),
  high(42, 522_240, 8704, 34_816, 50_000, 62_500),
  high(50, 589_824, 22_080, 110_400, 135_000, 135_000),
  high(51, 983_040, 36_864, 184_320, 240_000, 240_000),
  high(52, 2_073_600, 36_864, 184_320, 240_000, 240_000),
  high(60, 4_177_920, 139_264, 696_320, 240_000, 240_000),
  high(62, 16_711_680, 139_264, 696_320, 800_000, 800_000),
];

/** Reference frames that a level must have room for; x264's presets down to `medium` use at most 3. */
const REFERENCES = 4;

/** What an encode asks of its level. */
export type LevelDemand = {
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
  /** The VBV's rate and size in bits. */
  readonly maxrate: number;
  readonly bufsize: number;
};

/** `level_idc` of the lowest level of the High profile that allows an encode: 31 is level 3.1. */
export function levelFor(demand: LevelDemand): number {
  const across = Math.ceil(demand.width / 16);
  const down = Math.ceil(demand.height / 16);
  const blocks = across * down;
  const fits = LEVELS.find(
    (level) =>
      blocks <= level.fs &&
      Math.max(across, down) <= Math.sqrt(8 * level.fs) &&
      blocks * demand.frameRate <= level.mbps &&
      blocks * REFERENCES <= level.dpb &&
      demand.maxrate <= level.bitrate &&
      demand.bufsize <= level.buffer,
  );
  return fits?.idc ?? 62;
}

/** Profiles that rungs are encoded in. `baseline` is Constrained Baseline, the one that every WebRTC browser has. */
export const H264_PROFILES = ['high', 'main', 'baseline'] as const;

/** One of {@link H264_PROFILES}. */
export type H264Profile = (typeof H264_PROFILES)[number];

/** `profile_idc` and constraint flags, as x264 writes them (H.264, A.2). */
const PROFILE_BYTES: Readonly<Record<H264Profile, string>> = { high: '6400', main: '4d40', baseline: '42c0' };

/** RFC 6381 string of an encode in a profile. */
export function codecStringOf(profile: H264Profile, levelIdc: number): string {
  return `avc1.${PROFILE_BYTES[profile]}${levelIdc.toString(16).padStart(2, '0')}`;
}
