import type { Candidate, IceCredentials } from '../transport.ts';
import type { PeerCandidate } from './session-offer.ts';

/** What a trickle ICE fragment (RFC 8840, 9) brings: more candidates, or the credentials of an ICE restart. */
export type SdpFragment = {
  readonly ice: IceCredentials | undefined;
  readonly candidates: readonly PeerCandidate[];
  readonly endOfCandidates: boolean;
};

/** What the server answers to an ICE restart. */
export type RestartAnswer = { readonly ice: IceCredentials; readonly candidates: readonly Candidate[] };

/**
 * Parses a body of type `application/trickle-ice-sdpfrag`.
 *
 * @throws {MillraceError} `sdp/too-large`, `sdp/malformed`.
 */
export function parseSdpFragment(_text: string): SdpFragment {
  throw new Error('not yet');
}

/** Writes the server's side of an ICE restart (RFC 9725, 4.3.3). `media`: type and mid of the bundle's first m-line. */
export function writeSdpFragment(_answer: RestartAnswer, _media: { readonly kind: string; readonly mid: string }): string {
  throw new Error('not yet');
}
