/** Reception report block, RFC 3550, 6.4.1. */
export type ReportBlock = {
  /** The source reported on. */
  readonly ssrc: number;
  /** Loss since the report before, in 1/256. */
  readonly fractionLost: number;
  /** Packets lost since the beginning: signed 24 bits, negative where duplicates came. */
  readonly cumulativeLost: number;
  /** Extended highest sequence number received: cycles in the upper 16 bits. */
  readonly highestSequence: number;
  /** Interarrival jitter in units of the RTP clock. */
  readonly jitter: number;
  /** Middle 32 bits of the NTP time of the last sender report; 0 where none came. */
  readonly lastSenderReport: number;
  /** Delay since that report in 1/65,536 s. */
  readonly delaySinceLastSenderReport: number;
};

/** SR, RFC 3550, 6.4.1. */
export type SenderReport = {
  readonly kind: 'sender-report';
  readonly ssrc: number;
  /** NTP time: seconds since 1900. */
  readonly ntpSeconds: number;
  /** NTP time: the fraction in 2^-32 s. */
  readonly ntpFraction: number;
  readonly rtpTimestamp: number;
  readonly packetCount: number;
  readonly octetCount: number;
  readonly reports: readonly ReportBlock[];
};

/** RR, RFC 3550, 6.4.2. */
export type ReceiverReport = { readonly kind: 'receiver-report'; readonly ssrc: number; readonly reports: readonly ReportBlock[] };

/** SDES, RFC 3550, 6.5, of which the CNAME is kept. */
export type Sdes = { readonly kind: 'sdes'; readonly chunks: readonly { readonly ssrc: number; readonly cname?: string }[] };

/** BYE, RFC 3550, 6.6. */
export type Bye = { readonly kind: 'bye'; readonly ssrcs: readonly number[]; readonly reason?: string };

/** Generic NACK, RFC 4585, 6.2.1, bit masks expanded. In the order of the packet; numbers may repeat. */
export type Nack = { readonly kind: 'nack'; readonly senderSsrc: number; readonly mediaSsrc: number; readonly sequenceNumbers: readonly number[] };

/** Picture loss indication, RFC 4585, 6.3.1. */
export type Pli = { readonly kind: 'pli'; readonly senderSsrc: number; readonly mediaSsrc: number };

/** Full intra request, RFC 5104, 4.3.1. */
export type Fir = { readonly kind: 'fir'; readonly senderSsrc: number; readonly requests: readonly { readonly ssrc: number; readonly sequenceNumber: number }[] };

/** Receiver estimated maximum bitrate, draft-alvestrand-rmcat-remb-03. */
export type Remb = {
  readonly kind: 'remb';
  readonly senderSsrc: number;
  /** Bits per second. */
  readonly bitrate: number;
  readonly ssrcs: readonly number[];
};

/** In {@link TransportFeedback}'s arrivals: the packet had not arrived. */
export const NOT_RECEIVED = -0x8000_0000;

/** Units of {@link TransportFeedback}'s arrivals in one second: 250 microseconds each. */
export const ARRIVAL_TICKS_PER_SECOND = 4000;

/** Arrival ticks of one unit of the reference time: 64 ms. */
export const REFERENCE_TICKS = 256;

/** Transport-wide feedback, draft-holmer-rmcat-transport-wide-cc-extensions-01, 3.1. */
export type TransportFeedback = {
  readonly kind: 'transport-cc';
  readonly senderSsrc: number;
  readonly mediaSsrc: number;
  /** Rises by one with each feedback, 8 bits. */
  readonly feedbackCount: number;
  /** Transport-wide sequence number of `arrivals[0]`; the next belongs to the next number, modulo 65,536. */
  readonly baseSequence: number;
  /** Signed 24 bits in multiples of 64 ms: an epoch of the receiver's own. Unwrap with `SequenceUnwrapper(24)`. */
  readonly referenceTime: number;
  /** One for each packet: 250 microsecond ticks after the reference time, or {@link NOT_RECEIVED}. */
  readonly arrivals: Int32Array;
};

/** Any other packet; `format` is RC, FMT or subtype. */
export type UnknownRtcp = { readonly kind: 'unknown'; readonly packetType: number; readonly format: number };

/** One packet of a compound. */
export type RtcpPacket = SenderReport | ReceiverReport | Sdes | Bye | Nack | Pli | Fir | Remb | TransportFeedback | UnknownRtcp;
