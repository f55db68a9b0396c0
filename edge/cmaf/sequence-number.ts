/** Numbers kept for the parts of one group. Parts last 133 ms or more and groups at most 2.1 s, so there are 16 at most. */
const PARTS_PER_GROUP = 32;

/**
 * `mfhd.sequence_number` of a part (ISO/IEC 14496-12, 8.8.5): it rises from part to part and is a pure function of the
 * part's place. Group numbers are about unix seconds, so the field's 32 bits overflow once in four years (next in July
 * 2029), where a broadcast sees one number fall; readers use `tfdt`.
 */
export function sequenceNumber(group: number, part: number): number {
  return (group * PARTS_PER_GROUP + Math.min(part, PARTS_PER_GROUP - 1)) % 0x1_0000_0000;
}
