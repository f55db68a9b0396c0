import type { SessionOffer } from './session-offer.ts';

/**
 * Parses an offer.
 *
 * @throws {MillraceError} `sdp/too-large`, `sdp/malformed`, `sdp/unsupported`.
 */
export function parseOffer(_text: string): SessionOffer {
  throw new Error('not yet');
}
