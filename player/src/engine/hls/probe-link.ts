import { millis } from '#core/media/time.ts';
import type { ThroughputProbe } from '../../abr/throughput-probe.ts';

/** Reads a URL. */
type Read = (url: string, init: RequestInit) => Promise<Response>;

/** A probe may take this long in all, answers that never come included. */
const deadline = 2_000;

/** Segments loaded one after another at most. */
const mostSegments = 6;

/**
 * Fills the link for a moment with segments of the past, and measures it. Never rejects; what could not be measured
 * is undefined.
 *
 * @param urls - whole segments, the newest first
 */
export async function probeLink(probe: ThroughputProbe, urls: readonly string[], signal: AbortSignal, read: Read): Promise<void> {
  const stop = new AbortController();
  const ends = AbortSignal.any([signal, stop.signal, AbortSignal.timeout(deadline)]);
  try {
    for (const url of urls.slice(0, mostSegments)) {
      if (await received(url, ends, probe, read)) {
        break;
      }
    }
  } catch {
    // An aborted or failed download: what came until then counts.
  } finally {
    stop.abort();
  }
}

async function received(url: string, signal: AbortSignal, probe: ThroughputProbe, read: Read): Promise<boolean> {
  const response = await read(url, { signal, cache: 'no-store', priority: 'low' });
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    return false;
  }
  const reader = response.body.getReader();
  while (true) {
    const { done, value } = await reader.read();
    if (done) {
      return false;
    }
    if (probe.received(millis(performance.now()), value.byteLength)) {
      return true;
    }
  }
}
