/**
 * The header of every RTCP packet (RFC 3550, 6.4.1).
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |V=2|P| RC/FMT  |      PT       |    length in words less 1     |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */

/** Bytes of it. */
export const RTCP_HEADER_BYTES = 4;

/** Packet type of a sender report (RFC 3550, 12.1). */
export const RTCP_SR = 200;
/** Packet type of a receiver report. */
export const RTCP_RR = 201;
/** Packet type of a source description. */
export const RTCP_SDES = 202;
/** Packet type of a goodbye. */
export const RTCP_BYE = 203;
/** Packet type of transport layer feedback (RFC 4585, 6.1). */
export const RTCP_RTPFB = 205;
/** Packet type of payload-specific feedback (RFC 4585, 6.1). */
export const RTCP_PSFB = 206;

/** FMT of transport layer feedback: generic NACK, RFC 4585, 6.2.1. */
export const FMT_NACK = 1;
/** FMT of transport layer feedback: transport-wide congestion control. */
export const FMT_TRANSPORT_CC = 15;
/** FMT of payload-specific feedback: picture loss indication, RFC 4585, 6.3.1. */
export const FMT_PLI = 1;
/** FMT of payload-specific feedback: full intra request, RFC 5104, 4.3.1. */
export const FMT_FIR = 4;
/** FMT of payload-specific feedback: application layer, RFC 4585, 6.4; REMB with its name. */
export const FMT_AFB = 15;

/** `REMB` in ASCII. */
export const REMB_NAME = 0x52454d42;

/** Bytes of a reception report block. */
export const REPORT_BLOCK_BYTES = 24;

/** Counts of five bits. */
export const MAX_COUNT = 31;
