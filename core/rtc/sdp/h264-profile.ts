import type { OfferedCodec } from './session-offer.ts';

/** The three bytes of `profile-level-id` (RFC 6184, 8.1), as they stand in `avcC` and `avc1.PPCCLL`. */
export type H264Profile = { readonly profileIdc: number; readonly constraints: number; readonly levelIdc: number };

/** Whether a decoder of the offered format must decode a stream of the needed profile and level (ADR 0005, 9). */
export function h264ProfileFits(_offered: OfferedCodec, _needed: H264Profile): boolean {
  throw new Error('not yet');
}
