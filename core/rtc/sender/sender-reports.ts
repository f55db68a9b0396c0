import type { ReportBlock } from '../../media/rtp/rtcp/packets.ts';
import { compound, writeBye, writeSdes, writeSenderReport } from '../../media/rtp/rtcp/write.ts';
import { millis, type Millis, type WallTime } from '../../media/time.ts';
import type { OutgoingStream } from './outgoing-stream.ts';

/** Seconds from 1900, where NTP time begins, to 1970. */
const NTP_EPOCH = 2_208_988_800;
/** Reports remembered for the round trip: 8 s of them. */
const REMEMBERED = 8;

type Sent = { readonly ssrc: number; readonly middle: number; readonly at: Millis };

/**
 * Sender reports, whose NTP time is when the picture was before the camera (ADR 0005), and the round trip that reports on them tell.
 */
export class SenderReports {
  readonly #sent: Sent[] = [];
  /** Wall time of media time 0, in ms since 1970. */
  #origin: number | undefined;

  /** Says when what has the presentation time `pts`, in seconds, was before the camera. */
  setCapture(wall: WallTime, pts: number): void {
    this.#origin = wall - pts * 1000;
  }

  /** A compound of a report on each stream that has begun, and their names; undefined where none has. */
  write(streams: readonly OutgoingStream[], now: Millis, bye = false): Uint8Array | undefined {
    const begun = streams.filter(({ newest }) => newest !== undefined);
    if (begun.length === 0) {
      return undefined;
    }
    const reports = begun.map((stream) => this.#report(stream, now));
    const names = writeSdes({ chunks: begun.map(({ description: { ssrc, cname } }) => ({ ssrc, cname })) });
    const ssrcs = begun.flatMap(({ description: { ssrc, rtxSsrc } }) => (rtxSsrc === undefined ? [ssrc] : [ssrc, rtxSsrc]));
    return bye ? compound(...reports, names, writeBye({ ssrcs })) : compound(...reports, names);
  }

  /** RFC 3550, 6.4.1: the time since the report that the block answers, less what the peer waited. Undefined where it answers none. */
  roundTrip(block: ReportBlock, now: Millis): Millis | undefined {
    if (block.lastSenderReport === 0) {
      return undefined;
    }
    const sent = this.#sent.find(({ ssrc, middle }) => ssrc === block.ssrc && middle === block.lastSenderReport);
    const time = sent === undefined ? -1 : now - sent.at - (block.delaySinceLastSenderReport * 1000) / 65_536;
    return time < 0 ? undefined : millis(time);
  }

  #report(stream: OutgoingStream, now: Millis): Uint8Array {
    stream.reported = true;
    const { timestamp, at } = stream.newest!;
    const { ssrc, clockRate } = stream.description;
    // Before the capture time is known, any origin will do that all streams share: it keeps them in sync.
    this.#origin ??= now - (timestamp * 1000) / clockRate;
    // Both counted on from the newest frame to now, so that each report is another one.
    const wall = this.#origin + (timestamp * 1000) / clockRate + (now - at);
    const ntpSeconds = Math.floor(wall / 1000) + NTP_EPOCH;
    const ntpFraction = Math.floor((wall / 1000 - Math.floor(wall / 1000)) * 2 ** 32);
    this.#sent.push({ ssrc, middle: (((ntpSeconds & 0xffff) << 16) | (ntpFraction >>> 16)) >>> 0, at: now });
    if (this.#sent.length > 2 * REMEMBERED) {
      this.#sent.shift();
    }
    return writeSenderReport({
      ssrc,
      ntpSeconds: ntpSeconds % 2 ** 32,
      ntpFraction,
      rtpTimestamp: stream.rtpTimestamp(timestamp + Math.round(((now - at) * clockRate) / 1000)),
      packetCount: stream.packets % 2 ** 32,
      octetCount: stream.octets % 2 ** 32,
      reports: [],
    });
  }
}
