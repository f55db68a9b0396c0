import { concatBytes, writeUint16, writeUint24, writeUint32 } from '../bytes.ts';
import {
  FMT_AFB,
  FMT_FIR,
  FMT_NACK,
  FMT_PLI,
  MAX_COUNT,
  REMB_NAME,
  REPORT_BLOCK_BYTES,
  RTCP_BYE,
  RTCP_PSFB,
  RTCP_RR,
  RTCP_RTPFB,
  RTCP_SDES,
  RTCP_SR,
} from './header.ts';
import type { Bye, Fir, Nack, Pli, ReceiverReport, Remb, ReportBlock, Sdes, SenderReport } from './packets.ts';

export { writeTransportFeedback } from './transport-feedback.ts';

/** What a writer takes: the parsed form without its kind. */
export type Fields<Packet> = Omit<Packet, 'kind'>;

/** SR, RFC 3550, 6.4.1. Throws a RangeError with more than 31 reports. */
export function writeSenderReport(report: Fields<SenderReport>): Uint8Array {
  const out = packet(RTCP_SR, report.reports.length, 24 + REPORT_BLOCK_BYTES * report.reports.length);
  writeUint32(out, 4, report.ssrc);
  writeUint32(out, 8, report.ntpSeconds);
  writeUint32(out, 12, report.ntpFraction);
  writeUint32(out, 16, report.rtpTimestamp);
  writeUint32(out, 20, report.packetCount);
  writeUint32(out, 24, report.octetCount);
  writeReports(out, 28, report.reports);
  return out;
}

/** RR, RFC 3550, 6.4.2. Throws a RangeError with more than 31 reports. */
export function writeReceiverReport(report: Fields<ReceiverReport>): Uint8Array {
  const out = packet(RTCP_RR, report.reports.length, 4 + REPORT_BLOCK_BYTES * report.reports.length);
  writeUint32(out, 4, report.ssrc);
  writeReports(out, 8, report.reports);
  return out;
}

function writeReports(out: Uint8Array, start: number, reports: readonly ReportBlock[]): void {
  let at = start;
  for (const report of reports) {
    writeUint32(out, at, report.ssrc);
    out[at + 4] = report.fractionLost;
    writeUint24(out, at + 5, Math.min(0x7f_ffff, Math.max(-0x80_0000, report.cumulativeLost)));
    writeUint32(out, at + 8, report.highestSequence);
    writeUint32(out, at + 12, report.jitter);
    writeUint32(out, at + 16, report.lastSenderReport);
    writeUint32(out, at + 20, report.delaySinceLastSenderReport);
    at += REPORT_BLOCK_BYTES;
  }
}

/** SDES, RFC 3550, 6.5. Throws a RangeError with more than 31 chunks or a CNAME of more than 255 bytes. */
export function writeSdes(sdes: Fields<Sdes>): Uint8Array {
  const chunks = sdes.chunks.map(({ ssrc, cname }) => {
    const name = new TextEncoder().encode(cname ?? '');
    if (name.length > 255) {
      throw new RangeError(`a CNAME of ${name.length} bytes`);
    }
    // 6.5: "The list of items in each chunk MUST be terminated by one or more null octets".
    const chunk = new Uint8Array(4 * Math.ceil((4 + (cname === undefined ? 0 : 2 + name.length) + 1) / 4));
    writeUint32(chunk, 0, ssrc);
    if (cname !== undefined) {
      chunk[4] = 1;
      chunk[5] = name.length;
      chunk.set(name, 6);
    }
    return chunk;
  });
  const body = concatBytes(chunks);
  const out = packet(RTCP_SDES, chunks.length, body.length);
  out.set(body, 4);
  return out;
}

/** BYE, RFC 3550, 6.6. Throws a RangeError with more than 31 sources or a reason of more than 255 bytes. */
export function writeBye(bye: Fields<Bye>): Uint8Array {
  const reason = new TextEncoder().encode(bye.reason ?? '');
  if (reason.length > 255) {
    throw new RangeError(`a reason of ${reason.length} bytes`);
  }
  const sources = 4 * bye.ssrcs.length;
  const out = packet(RTCP_BYE, bye.ssrcs.length, sources + (reason.length > 0 ? 4 * Math.ceil((1 + reason.length) / 4) : 0));
  writeWords(out, 4, bye.ssrcs);
  if (reason.length > 0) {
    out[4 + sources] = reason.length;
    out.set(reason, 5 + sources);
  }
  return out;
}

/**
 * Generic NACK, RFC 4585, 6.2.1. Numbers in rising order (modulo 65,536) are gathered into a packet id and the bit mask of the 16
 * after it. Throws a RangeError with none.
 */
export function writeNack(nack: Fields<Nack>): Uint8Array {
  const entries: { pid: number; mask: number }[] = [];
  for (const number of nack.sequenceNumbers) {
    const last = entries.at(-1);
    const after = last === undefined ? 0 : (number - last.pid - 1) & 0xffff;
    if (last !== undefined && after < 16) {
      last.mask |= 1 << after;
    } else {
      entries.push({ pid: number & 0xffff, mask: 0 });
    }
  }
  if (entries.length === 0) {
    throw new RangeError('a NACK of nothing');
  }
  const out = feedback(RTCP_RTPFB, FMT_NACK, nack, 4 * entries.length);
  entries.forEach(({ pid, mask }, i) => {
    writeUint16(out, 12 + 4 * i, pid);
    writeUint16(out, 14 + 4 * i, mask);
  });
  return out;
}

/** PLI, RFC 4585, 6.3.1. */
export function writePli(pli: Fields<Pli>): Uint8Array {
  return feedback(RTCP_PSFB, FMT_PLI, pli, 0);
}

/** FIR, RFC 5104, 4.3.1. */
export function writeFir(fir: Fields<Fir>): Uint8Array {
  // 4.3.1.2: "the SSRC of media source is not used and SHALL be set to 0".
  const out = feedback(RTCP_PSFB, FMT_FIR, { senderSsrc: fir.senderSsrc, mediaSsrc: 0 }, 8 * fir.requests.length);
  fir.requests.forEach(({ ssrc, sequenceNumber }, i) => {
    writeUint32(out, 12 + 8 * i, ssrc);
    out[16 + 8 * i] = sequenceNumber;
  });
  return out;
}

/** REMB, draft-alvestrand-rmcat-remb-03, 2.2. The bit rate is rounded down to 18 significant bits. */
export function writeRemb(remb: Fields<Remb>): Uint8Array {
  if (remb.ssrcs.length > 255) {
    throw new RangeError(`REMB for ${remb.ssrcs.length} sources`);
  }
  const out = feedback(RTCP_PSFB, FMT_AFB, { senderSsrc: remb.senderSsrc, mediaSsrc: 0 }, 8 + 4 * remb.ssrcs.length);
  let mantissa = Math.max(0, Math.floor(remb.bitrate));
  let exponent = 0;
  while (mantissa > 0x3ffff && exponent < 63) {
    mantissa = Math.floor(mantissa / 2);
    exponent += 1;
  }
  writeUint32(out, 12, REMB_NAME);
  out[16] = remb.ssrcs.length;
  writeUint24(out, 17, (exponent << 18) | Math.min(mantissa, 0x3ffff));
  writeWords(out, 20, remb.ssrcs);
  return out;
}

/** Joins packets into a compound. The first should be a report (RFC 3550, 6.1) where reduced size was not negotiated. */
export function compound(...parts: readonly Uint8Array[]): Uint8Array {
  return concatBytes(parts);
}

function packet(type: number, count: number, bodyBytes: number): Uint8Array {
  if (count > MAX_COUNT) {
    throw new RangeError(`${count} blocks in one RTCP packet`);
  }
  const out = new Uint8Array(4 + bodyBytes);
  out[0] = 0x80 | count;
  out[1] = type;
  writeUint16(out, 2, bodyBytes / 4);
  return out;
}

function feedback(type: number, format: number, ssrcs: { readonly senderSsrc: number; readonly mediaSsrc: number }, fciBytes: number): Uint8Array {
  const out = packet(type, format, 8 + fciBytes);
  writeUint32(out, 4, ssrcs.senderSsrc);
  writeUint32(out, 8, ssrcs.mediaSsrc);
  return out;
}

function writeWords(out: Uint8Array, start: number, values: readonly number[]): void {
  values.forEach((value, i) => writeUint32(out, start + 4 * i, value));
}
