import { describe, expect, it } from 'vitest';

import { seededRandom } from '#test/fuzz/mutate.ts';

import { runWebrtcCampaign } from './campaign.ts';
import { tcpNoise } from './noise.ts';

describe('a short campaign against WebRTC', () => {
  it('leaves the server alive, and to honest viewers every packet', { timeout: 180_000 }, async () => {
    const amounts = { datagrams: 4000, connections: 40, handshakes: 12, insiders: 16, attacksPerInsider: 200, requests: 200, halfOpen: 300 };
    const report = await runWebrtcCampaign({ seed: 1, ...amounts, end: 'deleted', log: () => undefined });
    expect(report.alive).toBe(true);
    expect(report.faults).toEqual([]);
    for (const viewer of Object.values(report.viewers)) {
      expect(viewer).toMatchObject({ missing: 0, failed: 0, ended: false });
      expect(viewer.packets).toBeGreaterThan(300);
    }
    expect(report.noise.amplification).toBeLessThanOrEqual(1);
    expect(report.newcomers).toBeGreaterThan(0);
    expect(report.left).toBeLessThanOrEqual(0);
    expect(report.rssAfter - report.rssBefore).toBeLessThan(150);
    // Attacks that reach nothing would prove nothing.
    expect(report.insiders).toBeGreaterThanOrEqual(amounts.insiders);
    expect(report.halfOpen[201]).toBeGreaterThan(200);
    expect(report.requests[400]).toBeGreaterThan(5);
    expect(report.requests[415]).toBeGreaterThan(5);
  });

  it('is the same for the same seed', () => {
    const seeds = { overheard: [Buffer.alloc(108, 1)], clientHello: Buffer.alloc(200, 2) };
    const run = (seed: number): Uint8Array => tcpNoise(seededRandom(seed), seeds);
    expect(run(7)).toEqual(run(7));
    expect(run(7)).not.toEqual(run(8));
  });
});
