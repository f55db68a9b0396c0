import type { Bye, Fir, Nack, Pli, ReceiverReport, Remb, Sdes, SenderReport, TransportFeedback } from './packets.ts';

/** What a writer takes: the parsed form without its kind. */
export type Fields<Packet> = Omit<Packet, 'kind'>;

/** SR, RFC 3550, 6.4.1. @throws {RangeError} with more than 31 reports. */
export function writeSenderReport(_report: Fields<SenderReport>): Uint8Array {
  throw new RangeError('not written yet');
}

/** RR, RFC 3550, 6.4.2. @throws {RangeError} with more than 31 reports. */
export function writeReceiverReport(_report: Fields<ReceiverReport>): Uint8Array {
  throw new RangeError('not written yet');
}

/** SDES, RFC 3550, 6.5. @throws {RangeError} with more than 31 chunks or a CNAME of more than 255 bytes. */
export function writeSdes(_sdes: Fields<Sdes>): Uint8Array {
  throw new RangeError('not written yet');
}

/** BYE, RFC 3550, 6.6. */
export function writeBye(_bye: Fields<Bye>): Uint8Array {
  throw new RangeError('not written yet');
}

/** Generic NACK, RFC 4585, 6.2.1, its numbers gathered into PID and BLP. */
export function writeNack(_nack: Fields<Nack>): Uint8Array {
  throw new RangeError('not written yet');
}

/** PLI, RFC 4585, 6.3.1. */
export function writePli(_pli: Fields<Pli>): Uint8Array {
  throw new RangeError('not written yet');
}

/** FIR, RFC 5104, 4.3.1. */
export function writeFir(_fir: Fields<Fir>): Uint8Array {
  throw new RangeError('not written yet');
}

/** REMB, draft-alvestrand-rmcat-remb-03. The bit rate is rounded down to 18 significant bits. */
export function writeRemb(_remb: Fields<Remb>): Uint8Array {
  throw new RangeError('not written yet');
}

/** Transport-wide feedback. @throws {RangeError} where two arrivals are more than 8.19 s apart: begin another feedback there. */
export function writeTransportFeedback(_feedback: Fields<TransportFeedback>): Uint8Array {
  throw new RangeError('not written yet');
}

/** Joins packets into a compound. The first should be a report (RFC 3550, 6.1) where reduced size was not negotiated. */
export function compound(..._parts: readonly Uint8Array[]): Uint8Array {
  throw new RangeError('not written yet');
}
