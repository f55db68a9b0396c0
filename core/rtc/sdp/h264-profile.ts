import type { OfferedCodec } from './session-offer.ts';

/** The three bytes of `profile-level-id` (RFC 6184, 8.1), as they stand in `avcC` and `avc1.PPCCLL`. */
export type H264Profile = { readonly profileIdc: number; readonly constraints: number; readonly levelIdc: number };

/** A profile by name, with its constraint flags taken into account (RFC 6184, table 5). */
export type ProfileName = 'constrained-baseline' | 'baseline' | 'extended' | 'main' | 'constrained-high' | 'high' | 'high-10' | 'high-422' | 'high-444';

/**
 * Profiles that a decoder of each must decode (H.264, A.2.1 to A.2.7), nearest first: "Decoders conforming to the High
 * profile [...] shall be capable of decoding all bitstreams in which profile_idc is equal to 77 or 100".
 */
const decodes: Readonly<Record<ProfileName, readonly ProfileName[]>> = {
  'constrained-baseline': ['constrained-baseline'],
  'baseline': ['baseline', 'constrained-baseline'],
  'extended': ['extended', 'baseline', 'constrained-baseline'],
  'main': ['main', 'constrained-baseline'],
  'constrained-high': ['constrained-high', 'constrained-baseline'],
  'high': ['high', 'constrained-high', 'main', 'constrained-baseline'],
  'high-10': ['high-10', 'high', 'constrained-high', 'main', 'constrained-baseline'],
  'high-422': ['high-422', 'high-10', 'high', 'constrained-high', 'main', 'constrained-baseline'],
  'high-444': ['high-444', 'high-422', 'high-10', 'high', 'constrained-high', 'main', 'constrained-baseline'],
};

const SET0 = 0x80;
const SET1 = 0x40;
const SET3 = 0x10;
const SET4_AND_5 = 0x0c;

/** Level 1b is written as 9, or as 11 with `constraint_set3_flag`. It lies between 1 and 1.1. */
const LEVEL_1B = 9;
const RANK_1B = 10.5;

/** What clients that write no `profile-level-id` mean: the RFC's Baseline at level 1 would be of no use to anybody. */
const UNSTATED: H264Profile = { profileIdc: 0x42, constraints: 0xe0, levelIdc: 0x1f };

/** Reads three bytes in hexadecimal; undefined where it is not that. */
export function parseProfileLevelId(text: string): H264Profile | undefined {
  if (!/^[0-9a-fA-F]{6}$/.test(text)) {
    return undefined;
  }
  const value = Number.parseInt(text, 16);
  return { profileIdc: value >> 16, constraints: (value >> 8) & 0xff, levelIdc: value & 0xff };
}

/** The name of a profile; undefined where it is none of those that matter. */
export function profileName({ profileIdc, constraints }: H264Profile): ProfileName | undefined {
  const has = (flags: number): boolean => (constraints & flags) === flags;
  switch (profileIdc) {
    case 0x42:
      return has(SET1) ? 'constrained-baseline' : 'baseline';
    case 0x4d:
      return has(SET0) ? 'constrained-baseline' : 'main';
    case 0x58:
      return has(SET0 | SET1) ? 'constrained-baseline' : has(SET0) ? 'baseline' : 'extended';
    case 0x64:
      return has(SET4_AND_5) ? 'constrained-high' : 'high';
    case 0x6e:
      return 'high-10';
    case 0x7a:
      return 'high-422';
    case 0xf4:
      return 'high-444';
    default:
      return undefined;
  }
}

/**
 * Whether a decoder of the offered format must decode a stream of the needed profile and level, in packetization mode 1
 * (ADR 0005, 9). A level above the offered one is tolerated where `level-asymmetry-allowed=1`: browsers offer 3.1 whatever
 * they can decode.
 */
export function h264ProfileFits(offered: OfferedCodec, needed: H264Profile): boolean {
  return h264ProfileDistance(offered, needed) !== undefined;
}

/** How far the offered profile lies from the needed one: 0 for the same; undefined where the stream does not fit. */
export function h264ProfileDistance(offered: OfferedCodec, needed: H264Profile): number | undefined {
  const profile = offeredProfile(offered);
  if (profile === undefined || offered.parameters['packetization-mode'] !== '1') {
    return undefined;
  }
  const from = profileName(profile);
  const to = profileName(needed);
  const distance = from === undefined || to === undefined ? -1 : decodes[from].indexOf(to);
  const levelFits = levelRank(needed) <= levelRank(profile) || offered.parameters['level-asymmetry-allowed'] === '1';
  return distance >= 0 && levelFits ? distance : undefined;
}

/** The profile of an offered format; undefined where its `profile-level-id` cannot be read. */
export function offeredProfile({ parameters }: OfferedCodec): H264Profile | undefined {
  const text = parameters['profile-level-id'];
  return text === undefined ? UNSTATED : parseProfileLevelId(text);
}

function levelRank({ profileIdc, constraints, levelIdc }: H264Profile): number {
  const is1b = levelIdc === LEVEL_1B || (levelIdc === 11 && (constraints & SET3) !== 0 && profileIdc < 0x64);
  return is1b ? RANK_1B : levelIdc;
}
