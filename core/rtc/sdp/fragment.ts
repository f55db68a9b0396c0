import type { Candidate, IceCredentials } from '../transport.ts';
import { parseCandidate, writeCandidate } from './candidate.ts';
import { malformed } from './errors.ts';
import { attributeOf, linesOf, wordsOf } from './lines.ts';
import type { PeerCandidate } from './session-offer.ts';
import { readPwd, readUfrag } from './transport-attributes.ts';

/** What a trickle ICE fragment (RFC 8840, 9) brings: more candidates, or the credentials of an ICE restart. */
export type SdpFragment = {
  /** Of the bundled transport; undefined where the fragment names none. */
  readonly ice: IceCredentials | undefined;
  /** Those that can be read, at most 64. */
  readonly candidates: readonly PeerCandidate[];
  readonly endOfCandidates: boolean;
};

/** What the server answers to an ICE restart. */
export type RestartAnswer = { readonly ice: IceCredentials; readonly candidates: readonly Candidate[] };

/** What the server says of its ICE, in answers and fragments alike (RFC 9725, 4.3.3: "the same"). */
export const ICE_LINES: readonly string[] = ['a=ice-lite', 'a=ice-options:trickle ice2'];

const MAX_CANDIDATES = 64;
/** Words of a candidate up to its type. */
const CANDIDATE_WORDS = 8;

/**
 * Parses a body of type `application/trickle-ice-sdpfrag`. All m-lines share one transport, so the first credentials count.
 *
 * @throws {MillraceError} `sdp/too-large`, `sdp/malformed`.
 */
export function parseSdpFragment(text: string): SdpFragment {
  let ufrag: string | undefined;
  let pwd: string | undefined;
  let endOfCandidates = false;
  const candidates: PeerCandidate[] = [];
  for (const { type, value } of linesOf(text)) {
    if (type !== 'a') {
      continue;
    }
    const [name, rest] = attributeOf(value);
    switch (name) {
      case 'ice-ufrag':
        ufrag ??= readUfrag(rest);
        break;
      case 'ice-pwd':
        pwd ??= readPwd(rest);
        break;
      case 'candidate': {
        if (wordsOf(rest).length < CANDIDATE_WORDS) {
          throw malformed('a=candidate must be <foundation> <component> <transport> <priority> <address> <port> typ <type> ....');
        }
        // RFC 9725, 4.3.2: a candidate of a transport that is not supported "MUST silently" be discarded.
        const candidate = candidates.length < MAX_CANDIDATES ? parseCandidate(rest) : undefined;
        if (candidate !== undefined) {
          candidates.push(candidate);
        }
        break;
      }
      case 'end-of-candidates':
        endOfCandidates = true;
        break;
      default:
        break;
    }
  }
  if ((ufrag === undefined) !== (pwd === undefined)) {
    throw malformed('The fragment must have both a=ice-ufrag and a=ice-pwd, or neither.');
  }
  const ice = ufrag === undefined || pwd === undefined ? undefined : { ufrag, pwd };
  if (ice === undefined && candidates.length === 0 && !endOfCandidates && !text.includes('a=candidate:')) {
    throw malformed('The fragment has neither credentials nor candidates.');
  }
  return { ice, candidates, endOfCandidates };
}

/**
 * Writes the server's side of an ICE restart (RFC 9725, 4.3.3).
 *
 * @param media type and mid of the m-line whose transport all share.
 */
export function writeSdpFragment({ ice, candidates }: RestartAnswer, media: { readonly kind: string; readonly mid: string }): string {
  const lines = [
    ...ICE_LINES,
    // RFC 8840, 9.2: a pseudo m-line, of which the media type alone means something.
    `m=${media.kind} 9 UDP/TLS/RTP/SAVPF 0`,
    `a=mid:${media.mid}`,
    `a=ice-ufrag:${ice.ufrag}`,
    `a=ice-pwd:${ice.pwd}`,
    ...candidates.map((candidate) => `a=candidate:${writeCandidate(candidate)}`),
    'a=end-of-candidates',
  ];
  return `${lines.join('\r\n')}\r\n`;
}
