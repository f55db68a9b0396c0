import { describe, expect, it } from 'vitest';

import { runCampaign } from './campaign.ts';
import { mutate, seededRandom } from './mutate.ts';

describe('a short fuzzing campaign', () => {
  it('leaves the server alive and an honest broadcast whole', { timeout: 180_000 }, async () => {
    const report = await runCampaign({ seed: 1, rtmpStreams: 3000, httpRequests: 2000, log: () => undefined });
    expect(report.alive).toBe(true);
    expect(report.testimony.missing).toEqual([]);
    expect(report.inspection.faults).toEqual([]);
    expect(report.inspection.playlists).toBeGreaterThan(5);
    expect(report.testimony.parts).toBeGreaterThan(5);
    expect(report.rssAfter - report.rssBefore).toBeLessThan(150);
    // Streams that reach nothing would prove nothing.
    expect(report.rtmp.answered).toBeGreaterThan(1000);
    expect(report.http.answered).toBeGreaterThan(1000);
  });

  it('is the same for the same seed', () => {
    const input = Uint8Array.from({ length: 500 }, (_, i) => i);
    const run = (seed: number): Uint8Array => mutate(input, seededRandom(seed));
    expect(run(7)).toEqual(run(7));
    expect(run(7)).not.toEqual(run(8));
  });
});
