import type { Fingerprint } from '../transport.ts';
import type { Direction, OfferedExtension, OfferedRid, OfferedSimulcast, OfferedSourceGroup, PeerCandidate } from './session-offer.ts';

/** What `a=rtpmap` says of a payload type. */
export type RtpMap = { readonly name: string; readonly clockRate: number; readonly channels: number };

/** The attributes of one section, the session's or an m-line's, as they are gathered. */
export type Section = {
  mid: string | undefined;
  direction: Direction | undefined;
  setup: string | undefined;
  ufrag: string | undefined;
  pwd: string | undefined;
  iceOptions: readonly string[];
  iceLite: boolean;
  rtcpMux: boolean;
  rtcpRsize: boolean;
  bundleOnly: boolean;
  extmapAllowMixed: boolean;
  endOfCandidates: boolean;
  simulcast: OfferedSimulcast | undefined;
  msid: { readonly stream: string; readonly track: string | undefined } | undefined;
  readonly bundles: (readonly string[])[];
  readonly fingerprints: Fingerprint[];
  readonly rtpmaps: Map<number, RtpMap>;
  readonly fmtps: Map<number, Readonly<Record<string, string>>>;
  /** By payload type; `*` is for all. */
  readonly feedback: Map<number | '*', string[]>;
  readonly extensions: OfferedExtension[];
  readonly rids: OfferedRid[];
  readonly sources: Map<number, { cname?: string; msid?: string }>;
  readonly groups: OfferedSourceGroup[];
  readonly candidates: PeerCandidate[];
};

/** A section of which nothing is known yet. */
export function emptySection(): Section {
  return {
    mid: undefined,
    direction: undefined,
    setup: undefined,
    ufrag: undefined,
    pwd: undefined,
    iceOptions: [],
    iceLite: false,
    rtcpMux: false,
    rtcpRsize: false,
    bundleOnly: false,
    extmapAllowMixed: false,
    endOfCandidates: false,
    simulcast: undefined,
    msid: undefined,
    bundles: [],
    fingerprints: [],
    rtpmaps: new Map(),
    fmtps: new Map(),
    feedback: new Map(),
    extensions: [],
    rids: [],
    sources: new Map(),
    groups: [],
    candidates: [],
  };
}
