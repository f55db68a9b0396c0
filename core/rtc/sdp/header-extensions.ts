import type { OfferedExtension, OfferedMedia } from './session-offer.ts';

/** URIs of the RTP header extensions that the server reads or writes. */
export const EXTENSIONS = {
  /** RFC 8843, 15. */
  mid: 'urn:ietf:params:rtp-hdrext:sdes:mid',
  /** RFC 8852, 3.1: the layer of simulcast. */
  rid: 'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
  /** RFC 8852, 3.2: the layer whose packets a retransmission repeats. */
  repairedRid: 'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id',
  absSendTime: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  /** draft-holmer-rmcat-transport-wide-cc-extensions-01. */
  transportCc: 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
  playoutDelay: 'http://www.webrtc.org/experiments/rtp-hdrext/playout-delay',
  /** 3GPP TS 26.114, 7.4.5. */
  videoOrientation: 'urn:3gpp:video-orientation',
  /** RFC 6464. */
  audioLevel: 'urn:ietf:params:rtp-hdrext:ssrc-audio-level',
} as const;

/** The offered id of a header extension. */
export function extensionId({ extensions }: Pick<OfferedMedia, 'extensions'>, uri: string): number | undefined {
  return extensions.find((extension) => extension.uri === uri)?.id;
}

/** Of the offered extensions those that the server takes, each once, in the order of `uris`. Ids above 14 need two-byte headers, which nobody here writes. */
export function takeExtensions({ extensions }: Pick<OfferedMedia, 'extensions'>, uris: readonly string[]): readonly OfferedExtension[] {
  return uris.flatMap((uri) => extensions.find((extension) => extension.uri === uri && extension.id <= 14) ?? []);
}
