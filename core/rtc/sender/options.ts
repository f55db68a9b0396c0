import type { Millis } from '../../media/time.ts';
import type { MonotonicClock } from '../monotonic.ts';
import type { PacketBatch } from '../packet-batch.ts';
import type { Ticker } from '../ticker.ts';
import type { PacketSink } from '../transport.ts';

/** Ids of the header extensions that were negotiated (RFC 8285), 1 to 14. */
export type ExtensionIds = {
  /** `urn:ietf:params:rtp-hdrext:sdes:mid`; sent until the first report of the peer came. */
  readonly mid?: number;
  /** `http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time` */
  readonly absSendTime?: number;
  /** `http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01` */
  readonly transportCc?: number;
};

/** One outgoing stream as the answer describes it. */
export type SendStream = {
  /** `a=mid`. */
  readonly mid: string;
  readonly ssrc: number;
  /** SSRC of retransmissions (RFC 4588, SSRC multiplexing). Without it a lost packet is sent again as it was. */
  readonly rtxSsrc?: number;
  /** Ticks per second of the RTP timestamp: 90,000 for video, 48,000 for Opus. */
  readonly clockRate: number;
  /** Shared by streams that are to be played in sync (RFC 3550, 6.5.1). */
  readonly cname: string;
  /**
   * What was negotiated for this stream, where that is less than {@link MediaSenderOptions.extensions}: Firefox has transport-wide sequence numbers for
   * video alone, and would report every packet of sound as lost.
   */
  readonly extensions?: ExtensionIds;
};

/** Payload types of a frame, as negotiated for its codec. */
export type PayloadTypes = {
  readonly type: number;
  /** Of the retransmissions (`apt=type`). Without it, or without {@link SendStream.rtxSsrc}, a lost packet is sent again as it was. */
  readonly rtxType?: number;
};

/** What a sender asks of its owner. Called from within the sender's methods; must not throw. */
export interface SenderHandler {
  /** The peer cannot go on decoding (PLI or FIR): send the newest group from its start. At most every 300 ms. */
  keyRequest(): void;
  /** The estimate changed by more than 5 %, or the queue was given up: a time to look at the rung. */
  estimateChanged?(): void;
}

/** What a {@link MediaSender} is made of. */
export type MediaSenderOptions = {
  readonly sink: PacketSink;
  /** The thread's one batch. */
  readonly batch: PacketBatch;
  /** The clock that stamps the arrivals given to `rtcp`. */
  readonly clock: MonotonicClock;
  readonly video?: SendStream;
  readonly audio?: SendStream;
  readonly extensions: ExtensionIds;
  /** What was negotiated for video; `remb` and `none` make do with the receiver's reports. */
  readonly feedback: 'transport-cc' | 'remb' | 'none';
  readonly handler: SenderHandler;
  /** Default: the thread's own. */
  readonly ticker?: Ticker;
  /** First guess of the round trip, as the session knows it from its handshake. Default 100 ms. */
  readonly rtt?: Millis;
  /** First estimate in bits per second. Default 1,000,000. */
  readonly initialEstimate?: number;
  /** Bound of the estimate in bits per second. Default 20,000,000. */
  readonly maxEstimate?: number;
  /** Random numbers in [0, 1) for the first sequence number and timestamp (RFC 3550, 5.1). Default: Math.random. */
  readonly random?: () => number;
};

/** What a sender knows of its path and of itself. */
export type SenderStats = {
  /** Bits per second that the path carries, for everything sent on it. */
  readonly estimate: number;
  /** What the estimate rests on at the moment. */
  readonly limitedBy: 'start' | 'delay' | 'loss' | 'remb' | 'probe' | 'application';
  /** undefined before the first measurement. */
  readonly rtt: Millis | undefined;
  /** Share of packets lost on the way in the last second or so, 0 to 1, before retransmission. */
  readonly loss: number;
  /** What waits on the path in front of the bottleneck, as delay above the least. */
  readonly queueDelay: Millis;
  /** Bits per second that arrive. */
  readonly arrivalRate: number;
  /** RTP packets and bytes (header and payload) sent, retransmissions and padding included. */
  readonly packetsSent: number;
  readonly bytesSent: number;
  readonly retransmitted: number;
  /** Packets sent to probe the path alone. */
  readonly padding: number;
  /** Frames refused because the queue was full, until the next key frame. */
  readonly framesSkipped: number;
  /** What waits here to be paced. */
  readonly queued: { readonly packets: number; readonly bytes: number; readonly delay: Millis };
  readonly probes: { readonly sent: number; readonly failed: number };
  readonly nacks: number;
  readonly keyRequests: number;
  /** The RTP timestamps of presentation time 0; undefined where no such stream is sent. */
  readonly rtpOrigin: { readonly video: number | undefined; readonly audio: number | undefined };
};
