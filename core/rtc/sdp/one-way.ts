import { unsupported } from './errors.ts';
import { isKnownKind } from './offered-media.ts';
import type { OfferedMedia, SessionOffer } from './session-offer.ts';

/** The one m-line of each kind that a session uses; every other is answered with port 0. At least one is there. */
export type ChosenMedia = { readonly video: OfferedMedia | undefined; readonly audio: OfferedMedia | undefined };

/**
 * What a publisher would send (RFC 9725, 4.2): at most one m-line of video and one of audio. Data channels are passed over.
 *
 * @throws {MillraceError} `sdp/unsupported`: RFC 9725, 4.4.2 "If the number of audio and or video MediaStreamTracks or
 * number of MediaStreams are not supported by the WHIP endpoint, it MUST reject the HTTP POST request".
 */
export function mediaToReceive({ media }: SessionOffer): ChosenMedia {
  const used = media.filter(({ rejected, kind }) => !rejected && kind !== 'application');
  for (const { kind, direction, mediaType, protocol, mid } of used) {
    if (kind === 'other') {
      throw unsupported(`The m-line of ${mediaType} over ${protocol} (mid ${mid}) cannot be published here.`);
    }
    // RFC 9725, 4.2: "'inactive' and 'recvonly' attributes MUST NOT be used".
    if (direction === 'recvonly' || direction === 'inactive') {
      throw unsupported(`The m-line of ${mediaType} (mid ${mid}) says a=${direction}: a publisher offers sendonly.`);
    }
  }
  return atLeastOne({ video: onlyOf(used, 'video'), audio: onlyOf(used, 'audio') }, 'to publish');
}

/**
 * What a viewer would receive: the first m-line of video and of audio that takes media.
 *
 * @throws {MillraceError} `sdp/unsupported` where there is neither.
 */
export function mediaToSend({ media }: SessionOffer): ChosenMedia {
  const used = media.filter((line) => !line.rejected && isKnownKind(line) && (line.direction === 'recvonly' || line.direction === 'sendrecv'));
  return atLeastOne({ video: used.find(({ kind }) => kind === 'video'), audio: used.find(({ kind }) => kind === 'audio') }, 'to play: a viewer offers recvonly');
}

function onlyOf(used: readonly OfferedMedia[], kind: 'video' | 'audio'): OfferedMedia | undefined {
  const all = used.filter((line) => line.kind === kind);
  if (all.length > 1) {
    throw unsupported(`The offer has ${all.length} m-lines of ${kind}; one can be published.`);
  }
  return all[0];
}

function atLeastOne(chosen: ChosenMedia, what: string): ChosenMedia {
  if (chosen.video === undefined && chosen.audio === undefined) {
    throw unsupported(`The offer has neither video nor audio ${what}.`);
  }
  return chosen;
}
