/** Where the throughput of the last visit is kept. */
const storageKey = 'millrace.throughput';

/** Believed in on a first visit, bits per second: an ordinary home's. Too high a guess is mended within a second. */
const ordinary = 5_000_000;

/** Where the browser knows the network to be slow, or is asked to save. */
const slow = 500_000;

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
  // `downlink` says 1.4 Mbit/s wherever nothing was measured yet; only a really slow network is told apart.
  const { effectiveType = '4g', saveData = false } = (navigator as { connection?: { effectiveType?: string; saveData?: boolean } }).connection ?? {};
  return saveData || effectiveType.endsWith('2g') ? slow : ordinary;
}

/** Remembers throughput for the next visit. */
export function rememberThroughput(bitsPerSecond: number): void {
  try {
    localStorage.setItem(storageKey, `${Math.round(bitsPerSecond)}@${Date.now()}`);
  } catch {
    // See above.
  }
}
