import type { Candidate, Fingerprint, IceCredentials } from '../transport.ts';
import type { OfferedCodec, OfferedExtension, OfferedMedia, SessionOffer } from './session-offer.ts';

/** What the server sends on an m-line. */
export type AnsweredSender = {
  readonly ssrc: number;
  readonly rtxSsrc?: number;
  readonly cname: string;
  /** Sound and picture of one stream are played in step. */
  readonly stream: string;
  readonly track: string;
};

/** The answer to one m-line: what of it is taken, or that it is not. */
export type AnsweredMedia =
  | { readonly offered: OfferedMedia; readonly accepted: false }
  | {
      readonly offered: OfferedMedia;
      readonly accepted: true;
      readonly direction: 'sendonly' | 'recvonly' | 'inactive';
      /** Of the offered ones, best first, with the parameters and feedback that the server takes of them. At least one. */
      readonly codecs: readonly OfferedCodec[];
      /** Of the offered ones. */
      readonly extensions: readonly OfferedExtension[];
      readonly sender?: AnsweredSender;
      /** Ids of simulcast layers that are received, best first. */
      readonly rids?: readonly string[];
      /** Bits per second that the peer may send on it (`b=TIAS` and `b=AS`). */
      readonly maxBitrate?: number;
    };

/** An answer of the server, which is ICE-lite. */
export type SessionAnswer = {
  /** What it answers. */
  readonly offer: Pick<SessionOffer, 'extmapAllowMixed' | 'bundle' | 'setup'>;
  /** One for each m-line of the offer, in its order. */
  readonly media: readonly AnsweredMedia[];
  readonly ice: IceCredentials;
  readonly fingerprint: Fingerprint;
  readonly candidates: readonly Candidate[];
};
