/** Where the throughput of the last visit is kept. */
const storageKey = 'millrace.throughput';

/** Believed in on a first visit, bits per second: an ordinary home's. Too high a guess is mended within a second. */
const ordinary = 5_000_000;

/** What is remembered counts for half a day: people move between networks. */
const longest = 12 * 3_600_000;

/** Throughput to begin with, in bits per second: the last visit's, else the browser's guess, else an ordinary one. */
export function recallThroughput(): number {
  try {
    const [bits = Number.NaN, at = 0] = (localStorage.getItem(storageKey) ?? '').split('@').map(Number);
    if (bits > 0 && Date.now() - at < longest) {
      return bits;
    }
  } catch {
    // Storage may be forbidden, in frames above all.
  }
  const downlink = (navigator as { connection?: { downlink?: number } }).connection?.downlink;
  return downlink === undefined || downlink <= 0 ? ordinary : Math.min(downlink * 1_000_000, ordinary * 2);
}

/** Remembers throughput for the next visit. */
export function rememberThroughput(bitsPerSecond: number): void {
  try {
    localStorage.setItem(storageKey, `${Math.round(bitsPerSecond)}@${Date.now()}`);
  } catch {
    // See above.
  }
}
