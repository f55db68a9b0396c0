import type { ReportBlock, TransportFeedback } from '../../media/rtp/rtcp/packets.ts';
import { compound, writeNack, writePli, writeReceiverReport, writeRemb, writeSdes, writeTransportFeedback } from '../../media/rtp/rtcp/write.ts';

/** Report blocks that one packet holds. */
const MAX_REPORTS = 31;
/** Sequence numbers of one NACK packet, which then stays below 1,100 bytes whatever their distances. */
const MAX_NACKS = 256;

/** Writes a receiver's RTCP. Alone where reduced size was negotiated, else behind a report and the CNAME (RFC 3550, 6.1). */
export class Feedback {
  readonly #ssrc: number;
  readonly #send: (rtcp: Uint8Array) => void;
  readonly #sdes: Uint8Array;
  readonly #prefix: readonly Uint8Array[];

  constructor(options: { readonly ssrc: number; readonly reducedSize: boolean; readonly send: (rtcp: Uint8Array) => void }) {
    this.#ssrc = options.ssrc;
    this.#send = options.send;
    this.#sdes = writeSdes({ chunks: [{ ssrc: options.ssrc, cname: 'millrace' }] });
    this.#prefix = options.reducedSize ? [] : [writeReceiverReport({ ssrc: options.ssrc, reports: [] }), this.#sdes];
  }

  nack(mediaSsrc: number, lost: readonly number[]): void {
    for (let at = 0; at < lost.length; at += MAX_NACKS) {
      this.#out(writeNack({ senderSsrc: this.#ssrc, mediaSsrc, sequenceNumbers: lost.slice(at, at + MAX_NACKS) }));
    }
  }

  pli(mediaSsrc: number): void {
    this.#out(writePli({ senderSsrc: this.#ssrc, mediaSsrc }));
  }

  transport(mediaSsrc: number, feedback: Pick<TransportFeedback, 'feedbackCount' | 'baseSequence' | 'referenceTime' | 'arrivals'>): void {
    this.#out(writeTransportFeedback({ senderSsrc: this.#ssrc, mediaSsrc, ...feedback }));
  }

  remb(bitrate: number, ssrcs: readonly number[]): void {
    this.#out(writeRemb({ senderSsrc: this.#ssrc, bitrate, ssrcs }));
  }

  report(reports: readonly ReportBlock[]): void {
    this.#send(compound(writeReceiverReport({ ssrc: this.#ssrc, reports: reports.slice(0, MAX_REPORTS) }), this.#sdes));
  }

  #out(packet: Uint8Array): void {
    this.#send(this.#prefix.length === 0 ? packet : compound(...this.#prefix, packet));
  }
}
