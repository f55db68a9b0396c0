/** What the meter shows at its low end, decibels below full scale; 0 is its high end. */
const floor = -60;

/** Where the meter stands for a level (root mean square, 0 to 1): from 0 to 1, even steps for equal ratios, as ears hear. */
export function meterPosition(level: number): number {
  if (!(level > 0)) {
    return 0;
  }
  return Math.min(1, Math.max(0, 1 - (20 * Math.log10(level)) / floor));
}
