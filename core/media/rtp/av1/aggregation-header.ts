/**
 * The aggregation header of AV1 (RTP Payload Format For AV1 v1.0, 4.4).
 *
 *      0 1 2 3 4 5 6 7
 *     +-+-+-+-+-+-+-+-+
 *     |Z|Y| W |N|-|-|-|
 *     +-+-+-+-+-+-+-+-+
 */

/** Z: the first OBU element continues the OBU of the packet before. */
export const CONTINUES = 0x80;

/** Y: the last OBU element goes on in the next packet. */
export const GOES_ON = 0x40;

/** N: the first packet of a coded video sequence. */
export const NEW_SEQUENCE = 0x08;

/** Where W stands: the number of OBU elements, of which the last has no length; 0 where all have one. */
export const COUNT_SHIFT = 4;

/** The highest W. */
export const MAX_COUNT = 3;

/** Bytes of it. */
export const AGGREGATION_BYTES = 1;
