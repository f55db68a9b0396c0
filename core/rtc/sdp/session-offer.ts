import type { Fingerprint, IceCredentials } from '../transport.ts';

/** Which way media of an m-line flow, seen from who wrote it (RFC 8866, 6.7). */
export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** A payload format of an m-line: `a=rtpmap` with all that refers to it. RTX is folded into the format it repeats. */
export type OfferedCodec = {
  readonly payloadType: number;
  /** Encoding name in lower case: `h264`, `vp8`, `vp9`, `av1`, `opus`. */
  readonly name: string;
  readonly clockRate: number;
  /** Audio channels; 1 where the offer does not say, and for video. */
  readonly channels: number;
  /** `a=fmtp`, names in lower case. A parameter without a value has an empty one. */
  readonly parameters: Readonly<Record<string, string>>;
  /** `a=rtcp-fb` without the payload type: `nack`, `nack pli`, `ccm fir`, `transport-cc`, `goog-remb`. */
  readonly feedback: readonly string[];
  /** Payload type of its retransmissions (RFC 4588, 8.6). */
  readonly rtxPayloadType?: number;
};

/** `a=extmap` (RFC 8285, 8). */
export type OfferedExtension = { readonly id: number; readonly uri: string; readonly direction?: Direction };

/** `a=rid` (RFC 8851). */
export type OfferedRid = {
  readonly id: string;
  readonly direction: 'send' | 'recv';
  /** Payload types it is limited to; undefined where it may be any. */
  readonly payloadTypes?: readonly number[];
  /** `max-width`, `max-height`, `max-fps`, `max-br`, ... */
  readonly restrictions: Readonly<Record<string, string>>;
};

/** What an offer says of simulcast it would send (RFC 8853), best first as listed; of alternatives the first. */
export type OfferedSimulcast = {
  readonly send: readonly string[];
  /** Those of `send` that are paused at first. */
  readonly paused: readonly string[];
};

/** `a=ssrc` lines of one source (RFC 5576, 4.1). */
export type OfferedSource = { readonly ssrc: number; readonly cname?: string; readonly msid?: string };

/** `a=ssrc-group` (RFC 5576, 4.2): `FID` joins a source and its RTX, `SIM` layers of simulcast, best last. */
export type OfferedSourceGroup = { readonly semantics: string; readonly ssrcs: readonly number[] };

/** `a=candidate` of a peer (RFC 8839, 5.1). */
export type PeerCandidate = {
  readonly foundation: string;
  readonly component: number;
  readonly protocol: 'udp' | 'tcp';
  readonly priority: number;
  /** An address or, from browsers, a name under `.local`. */
  readonly address: string;
  readonly port: number;
  readonly type: string;
};

/** An m-line of an offer and what stands below it. */
export type OfferedMedia = {
  readonly kind: 'video' | 'audio' | 'application' | 'other';
  /** `a=mid` (RFC 5888); the index of the m-line where it has none. */
  readonly mid: string;
  readonly direction: Direction;
  /** Port 0 and not `bundle-only`: the offerer itself does not use it. */
  readonly rejected: boolean;
  /** The m-line's media type, transport protocol and formats as they came: an answer repeats them. */
  readonly mediaType: string;
  readonly protocol: string;
  readonly formats: readonly string[];
  /** In the offerer's order of preference. Formats that no `a=rtpmap` explains are left out. */
  readonly codecs: readonly OfferedCodec[];
  readonly extensions: readonly OfferedExtension[];
  /** Its own or, where it has none, the session's. */
  readonly ice: IceCredentials | undefined;
  readonly fingerprints: readonly Fingerprint[];
  readonly setup: string | undefined;
  readonly rtcpMux: boolean;
  readonly rtcpRsize: boolean;
  readonly rids: readonly OfferedRid[];
  readonly simulcast: OfferedSimulcast | undefined;
  readonly ssrcs: readonly OfferedSource[];
  readonly ssrcGroups: readonly OfferedSourceGroup[];
  /** `a=msid` (RFC 8830): stream and track. */
  readonly msid: { readonly stream: string; readonly track: string | undefined } | undefined;
  readonly candidates: readonly PeerCandidate[];
};

/** An offer, checked as far as it concerns the one transport that the server grants. */
export type SessionOffer = {
  readonly media: readonly OfferedMedia[];
  /** Mids of the BUNDLE group. */
  readonly bundle: readonly string[];
  /** Of the bundled transport: what `RtcTransport.open` takes. */
  readonly ice: IceCredentials;
  readonly fingerprints: readonly Fingerprint[];
  readonly setup: 'actpass' | 'active' | 'passive';
  /** Whether candidates follow by PATCH (`a=ice-options:trickle`). */
  readonly trickle: boolean;
  readonly extmapAllowMixed: boolean;
};
