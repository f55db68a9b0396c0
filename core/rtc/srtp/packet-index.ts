/** Sequence numbers per turn of the rollover counter. */
export const SEQUENCES = 0x1_0000;

const HALF = SEQUENCES / 2;

/**
 * The 48-bit index of a packet, `ROC * 2^16 + SEQ`: the one nearest to the highest known (RFC 3711, 3.3.1 and appendix A).
 *
 * @param highest the highest index so far; negative before the first packet, whose rollover counter is zero.
 * @returns negative where the packet would precede the stream's first turn.
 */
export function packetIndex(highest: number, sequenceNumber: number): number {
  if (highest < 0) {
    return sequenceNumber;
  }
  const turn = highest - (highest % SEQUENCES);
  const last = highest - turn;
  if (last < HALF) {
    return sequenceNumber - last > HALF ? turn - SEQUENCES + sequenceNumber : turn + sequenceNumber;
  }
  return last - HALF > sequenceNumber ? turn + SEQUENCES + sequenceNumber : turn + sequenceNumber;
}
