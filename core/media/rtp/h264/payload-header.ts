/**
 * RTP payload format for H.264, RFC 6184, 5.2 to 5.8. The first byte of a payload is a NAL unit header whose type tells the
 * payload's structure; of those the non-interleaved mode (packetization-mode 1) has single NAL units, STAP-A and FU-A.
 *
 *      +---------------+ +---------------+
 *      |0|1|2|3|4|5|6|7| |0|1|2|3|4|5|6|7|
 *      |F|NRI|  Type   | |S|E|R|  Type   |   FU indicator and FU header, 5.8
 *      +---------------+ +---------------+
 */

/** Single-time aggregation packet: NAL units of one instant, each behind 16 bits of length, 5.7.1. */
export const STAP_A = 24;

/** Fragmentation unit: one NAL unit over several packets, 5.8. */
export const FU_A = 28;

/** Bytes of FU indicator and FU header. */
export const FU_BYTES = 2;

/** FU header: the first fragment. */
export const FU_START = 0x80;

/** FU header: the last fragment. */
export const FU_END = 0x40;

/** `nal_ref_idc` of a NAL unit header. */
export const NRI_MASK = 0x60;

/** `forbidden_zero_bit` of a NAL unit header. */
export const FORBIDDEN_BIT = 0x80;
