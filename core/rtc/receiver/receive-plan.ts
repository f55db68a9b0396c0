import type { RtpCodec } from '../../media/rtp/packetizer.ts';

/** A payload format that the answer took, and what it takes along for losses. */
export type ReceivedFormat = {
  readonly payloadType: number;
  readonly codec: RtpCodec;
  readonly clockRate: number;
  /** Payload type of its retransmissions (RFC 4588). */
  readonly rtxPayloadType?: number;
  /** Generic NACK (RFC 4585) was negotiated: what is lost may be asked for again. */
  readonly nack: boolean;
  /** Picture loss indication was negotiated. That it is answered is not said. */
  readonly pli: boolean;
};

/** A source that the offer announced by `a=ssrc`, RFC 5576. */
export type AnnouncedSource = { readonly ssrc: number; readonly rtxSsrc?: number; /** Layer, where the sources are simulcast. */ readonly rid?: string };

/** One m-line that is received. */
export type ReceivedMedia = {
  readonly mid: string;
  readonly kind: 'video' | 'audio';
  readonly formats: readonly ReceivedFormat[];
  /** Layers of simulcast, as RFC 8851 names them; empty where there is one stream. */
  readonly rids: readonly string[];
  readonly sources: readonly AnnouncedSource[];
};

/** Ids of the header extensions that were negotiated, the same on every m-line of a bundle. */
export type ReceivedExtensions = {
  /** `urn:ietf:params:rtp-hdrext:sdes:mid`, RFC 9143, 15. */
  readonly mid?: number;
  /** `urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id`, RFC 8852. */
  readonly rid?: number;
  /** `urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id`, RFC 8852. */
  readonly repairedRid?: number;
  /** draft-holmer-rmcat-transport-wide-cc-extensions-01. */
  readonly transportCc?: number;
};

/** What was negotiated with one peer that sends. */
export type ReceivePlan = {
  readonly media: readonly ReceivedMedia[];
  readonly extensions: ReceivedExtensions;
  /** What the peer's bandwidth estimation lives on. */
  readonly feedback: 'transport-cc' | 'remb' | 'none';
  /** RTCP need not be compound (RFC 5506). */
  readonly reducedSize: boolean;
};

/** One stream of a peer: an m-line or a layer of it. One object for each, whatever its SSRC is at the moment. */
export type StreamKey = { readonly mid: string; readonly kind: 'video' | 'audio'; readonly rid: string | undefined };

/** The format of a payload type, and whether the packet repeats one of it. */
export function formatOf(media: ReceivedMedia, payloadType: number): { readonly format: ReceivedFormat; readonly repair: boolean } | undefined {
  for (const format of media.formats) {
    if (format.payloadType === payloadType || format.rtxPayloadType === payloadType) {
      return { format, repair: format.payloadType !== payloadType };
    }
  }
  return undefined;
}
