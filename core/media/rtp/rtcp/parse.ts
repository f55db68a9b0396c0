import { readUint16, readUint24, readUint32 } from '../bytes.ts';
import {
  FMT_AFB,
  FMT_FIR,
  FMT_NACK,
  FMT_PLI,
  FMT_TRANSPORT_CC,
  REMB_NAME,
  REPORT_BLOCK_BYTES,
  RTCP_BYE,
  RTCP_HEADER_BYTES,
  RTCP_PSFB,
  RTCP_RR,
  RTCP_RTPFB,
  RTCP_SDES,
  RTCP_SR,
} from './header.ts';
import type { ReportBlock, RtcpPacket, Sdes } from './packets.ts';
import { parseTransportFeedback } from './transport-feedback.ts';

/**
 * Packets that transport-wide feedback may speak of in one compound. Run-length chunks name 8,191 in two bytes, so that a
 * datagram could ask for megabytes; real feedback comes 20 times a second and stays below 1,000 at 100 Mbit/s. 8,192 would cost 77
 * microseconds for 24 bytes: ten megabits per second of it a whole core.
 */
const MAX_STATUSES = 2048;

/** Packets that one compound may hold: real ones have up to five. */
const MAX_PACKETS = 64;

/**
 * Parses a compound packet (RFC 3550, 6.1), reduced-size ones too (RFC 5506). Never throws: stops at what is malformed and
 * gives what came before it.
 */
export function parseRtcp(compound: Uint8Array): readonly RtcpPacket[] {
  const packets: RtcpPacket[] = [];
  let statuses = MAX_STATUSES;
  for (let at = 0; at + RTCP_HEADER_BYTES <= compound.length && packets.length < MAX_PACKETS; ) {
    const first = compound[at]!;
    const end = at + 4 * (readUint16(compound, at + 2) + 1);
    if (first >> 6 !== 2 || end > compound.length) {
      break;
    }
    let bodyEnd = end;
    if ((first & 0x20) !== 0) {
      const padding = compound[end - 1]!;
      // 6.4.1 asks for multiples of four on the last packet alone; transport-wide feedback pads with less, and anywhere.
      if (padding === 0 || end - padding < at + RTCP_HEADER_BYTES) {
        break;
      }
      bodyEnd = end - padding;
    }
    const packet = parseOne(compound, at, bodyEnd, statuses);
    if (packet === undefined) {
      break;
    }
    if (packet.kind === 'transport-cc') {
      statuses -= packet.arrivals.length;
    }
    packets.push(packet);
    at = end;
  }
  return packets;
}

function parseOne(bytes: Uint8Array, at: number, end: number, statuses: number): RtcpPacket | undefined {
  const format = bytes[at]! & 0x1f;
  const packetType = bytes[at + 1]!;
  const body = at + RTCP_HEADER_BYTES;
  switch (packetType) {
    case RTCP_SR:
      return senderReport(bytes, body, end, format);
    case RTCP_RR: {
      const reports = reportBlocks(bytes, body + 4, end, format);
      return reports && { kind: 'receiver-report', ssrc: readUint32(bytes, body), reports };
    }
    case RTCP_SDES:
      return sdes(bytes, body, end, format);
    case RTCP_BYE:
      return bye(bytes, body, end, format);
    case RTCP_RTPFB:
      return transportLayer(bytes, body, end, format, statuses);
    case RTCP_PSFB:
      return payloadSpecific(bytes, body, end, format);
    default:
      return { kind: 'unknown', packetType, format };
  }
}

function senderReport(bytes: Uint8Array, at: number, end: number, count: number): RtcpPacket | undefined {
  const reports = reportBlocks(bytes, at + 24, end, count);
  return (
    reports && {
      kind: 'sender-report',
      ssrc: readUint32(bytes, at),
      ntpSeconds: readUint32(bytes, at + 4),
      ntpFraction: readUint32(bytes, at + 8),
      rtpTimestamp: readUint32(bytes, at + 12),
      packetCount: readUint32(bytes, at + 16),
      octetCount: readUint32(bytes, at + 20),
      reports,
    }
  );
}

/** RFC 3550, 6.4.1: SSRC 32, fraction lost 8, cumulative number lost 24, highest sequence 32, jitter 32, LSR 32, DLSR 32. */
function reportBlocks(bytes: Uint8Array, start: number, end: number, count: number): ReportBlock[] | undefined {
  if (start + count * REPORT_BLOCK_BYTES > end) {
    return undefined;
  }
  const reports: ReportBlock[] = [];
  for (let i = 0; i < count; i += 1) {
    const at = start + i * REPORT_BLOCK_BYTES;
    reports.push({
      ssrc: readUint32(bytes, at),
      fractionLost: bytes[at + 4]!,
      cumulativeLost: (readUint24(bytes, at + 5) << 8) >> 8,
      highestSequence: readUint32(bytes, at + 8),
      jitter: readUint32(bytes, at + 12),
      lastSenderReport: readUint32(bytes, at + 16),
      delaySinceLastSenderReport: readUint32(bytes, at + 20),
    });
  }
  return reports;
}

/** RFC 3550, 6.5: chunks of an SSRC and items (type 8, length 8, text), ended by a zero and filled up to 32 bits. */
function sdes(bytes: Uint8Array, start: number, end: number, count: number): Sdes | undefined {
  const chunks: { ssrc: number; cname?: string }[] = [];
  let at = start;
  for (let i = 0; i < count; i += 1) {
    if (at + 4 > end) {
      return undefined;
    }
    const chunk: { ssrc: number; cname?: string } = { ssrc: readUint32(bytes, at) };
    at += 4;
    while (at < end && bytes[at] !== 0) {
      const next = at + 2 + (at + 1 < end ? bytes[at + 1]! : 0);
      if (next > end) {
        return undefined;
      }
      if (bytes[at] === 1) {
        chunk.cname = text(bytes, at + 2, next);
      }
      at = next;
    }
    // The zero that ends the items belongs to the fill, of which there is at least one byte.
    if (at >= end) {
      return undefined;
    }
    at = start + 4 * Math.floor((at - start) / 4 + 1);
    chunks.push(chunk);
  }
  return { kind: 'sdes', chunks };
}

function bye(bytes: Uint8Array, start: number, end: number, count: number): RtcpPacket | undefined {
  const at = start + 4 * count;
  if (at > end) {
    return undefined;
  }
  const ssrcs = words(bytes, start, at);
  const length = at < end ? bytes[at]! : 0;
  if (length === 0) {
    return { kind: 'bye', ssrcs };
  }
  return at + 1 + length > end ? undefined : { kind: 'bye', ssrcs, reason: text(bytes, at + 1, at + 1 + length) };
}

/** RFC 4585, 6.1: SSRC of packet sender 32, SSRC of media source 32, feedback control information. */
function transportLayer(bytes: Uint8Array, at: number, end: number, format: number, statuses: number): RtcpPacket | undefined {
  if (at + 8 > end) {
    return undefined;
  }
  if (format === FMT_NACK) {
    return { kind: 'nack', senderSsrc: readUint32(bytes, at), mediaSsrc: readUint32(bytes, at + 4), sequenceNumbers: lost(bytes, at + 8, end) };
  }
  return format === FMT_TRANSPORT_CC ? parseTransportFeedback(bytes, at, end, statuses) : { kind: 'unknown', packetType: RTCP_RTPFB, format };
}

/** RFC 4585, 6.2.1: packet id 16, bit mask of the 16 packets after it, lowest bit first. */
function lost(bytes: Uint8Array, start: number, end: number): number[] {
  const numbers: number[] = [];
  for (let at = start; at + 4 <= end; at += 4) {
    const pid = readUint16(bytes, at);
    numbers.push(pid);
    for (let mask = readUint16(bytes, at + 2), next = pid + 1; mask !== 0; mask >>= 1, next += 1) {
      if ((mask & 1) !== 0) {
        numbers.push(next & 0xffff);
      }
    }
  }
  return numbers;
}

function payloadSpecific(bytes: Uint8Array, at: number, end: number, format: number): RtcpPacket | undefined {
  if (at + 8 > end) {
    return undefined;
  }
  const senderSsrc = readUint32(bytes, at);
  const mediaSsrc = readUint32(bytes, at + 4);
  const fci = at + 8;
  if (format === FMT_PLI) {
    return { kind: 'pli', senderSsrc, mediaSsrc };
  }
  if (format === FMT_FIR) {
    const requests: { ssrc: number; sequenceNumber: number }[] = [];
    for (let entry = fci; entry + 8 <= end; entry += 8) {
      requests.push({ ssrc: readUint32(bytes, entry), sequenceNumber: bytes[entry + 4]! });
    }
    return { kind: 'fir', senderSsrc, requests };
  }
  if (format === FMT_AFB && fci + 8 <= end && readUint32(bytes, fci) === REMB_NAME) {
    return remb(bytes, fci + 4, end, senderSsrc);
  }
  return { kind: 'unknown', packetType: RTCP_PSFB, format };
}

/** draft-alvestrand-rmcat-remb-03, 2.2: number of SSRCs 8, exponent 6, mantissa 18, the SSRCs. */
function remb(bytes: Uint8Array, at: number, end: number, senderSsrc: number): RtcpPacket | undefined {
  const ssrcsEnd = at + 4 + 4 * bytes[at]!;
  if (ssrcsEnd > end) {
    return undefined;
  }
  const exponentAndMantissa = readUint24(bytes, at + 1);
  return { kind: 'remb', senderSsrc, bitrate: (exponentAndMantissa & 0x3ffff) * 2 ** (exponentAndMantissa >> 18), ssrcs: words(bytes, at + 4, ssrcsEnd) };
}

function words(bytes: Uint8Array, start: number, end: number): number[] {
  const values: number[] = [];
  for (let at = start; at < end; at += 4) {
    values.push(readUint32(bytes, at));
  }
  return values;
}

/** UTF-8; what is none becomes U+FFFD. */
function text(bytes: Uint8Array, start: number, end: number): string {
  return new TextDecoder().decode(bytes.subarray(start, end));
}
