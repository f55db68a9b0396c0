import { TrackViewer, type LoadCounts } from './viewer.ts';

/**
 * The process of the simulated viewers: `node viewers.ts <port> <viewers> <seconds> [<path of the broadcast>]`. Warms up
 * for five seconds, then counts for the given time and sends what it counted to its parent.
 */

/** What the viewers' process reports. */
export type LoadReport = {
  readonly requests: number;
  readonly errors: number;
  readonly bytes: number;
  readonly seconds: number;
  /** Milliseconds from a part's last frame being written to the part being received, sorted. */
  readonly ages: readonly number[];
};

const WARM_UP_SECONDS = 5;
const [port = 0, viewers = 0, seconds = 0] = process.argv.slice(2, 5).map(Number);
const base = process.argv[5] ?? '/live/load/loadbroadcast';
const counts: LoadCounts = { requests: 0, errors: 0, bytes: 0, ages: [] };
const tracks = Array.from({ length: viewers }, (_, i) =>
  ['video', 'audio'].map((track) => new TrackViewer(port, `${base}/${track}`, `viewer-${i}`, counts)),
).flat();

// Viewers join over two seconds, not all in one turn.
tracks.forEach((track, i) => setTimeout(() => track.start(), (2000 * i) / tracks.length));
setTimeout(() => {
  Object.assign(counts, { requests: 0, errors: 0, bytes: 0 });
  counts.ages.length = 0;
  const began = performance.now();
  process.send?.('warm');
  setTimeout(() => {
    const report: LoadReport = {
      requests: counts.requests,
      errors: counts.errors,
      bytes: counts.bytes,
      seconds: (performance.now() - began) / 1000,
      ages: counts.ages.toSorted((a, b) => a - b),
    };
    tracks.forEach((track) => track.stop());
    process.send?.(report, () => process.exit(0));
  }, seconds * 1000);
}, WARM_UP_SECONDS * 1000);
