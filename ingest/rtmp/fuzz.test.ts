import { describe, expect, it } from 'vitest';

import { mutate, pieces, randomOf, rtmpSeeds } from './testing/fuzz.ts';
import { publishing, sessionHarness, settled, video } from './testing/harness.ts';
import { NAL, avcFrame, avcHeader } from './testing/media.ts';

/** Every seed so often; `RTMP_FUZZ_RUNS` and `RTMP_FUZZ_SEED` make a longer or another run. */
const RUNS = Number(process.env['RTMP_FUZZ_RUNS'] ?? 400);
const SEED = Number(process.env['RTMP_FUZZ_SEED'] ?? 1);
/** Twice the largest message, which a session may hold. */
const MAX_BUFFERED = 2 * 8_388_608;

describe(`mutated RTMP byte streams, seed ${SEED}`, () => {
  it.each(rtmpSeeds())('around $name neither throw, nor find a fault, nor touch another session', { timeout: 60_000 }, async ({ before, after }) => {
    const neighbour = await publishing();
    neighbour.session.receive(video(avcHeader()));
    const random = randomOf(SEED);
    for (let run = 0; run < RUNS; run += 1) {
      const { session, lines, registry } = sessionHarness();
      // Mostly what comes after the answer: behind the door there is more to break.
      const early = random() < 0.3;
      for (const piece of pieces(early ? mutate(before, random) : before, random)) {
        session.receive(piece);
      }
      await settled();
      for (const piece of pieces(mutate(after, random), random)) {
        session.receive(piece);
        expect(session.buffered).toBeLessThanOrEqual(MAX_BUFFERED);
      }
      await settled();
      session.close();
      expect(session.buffered).toBe(0);
      expect(registry.publishers.every(({ ended }) => ended !== undefined)).toBe(true);
      expect(lines.filter((line) => line.includes('fault') || line.includes('could not be'))).toEqual([]);
      neighbour.session.receive(video(avcFrame([NAL.slice]), run));
    }
    expect(neighbour.registry.publishers[0]?.samples.map(({ timestamp }) => timestamp)).toEqual(Array.from({ length: RUNS }, (_, run) => run));
  });

  it('repeats for one seed', () => {
    const [first] = rtmpSeeds();
    const twice = [1, 2].map(() => mutate(first?.after ?? new Uint8Array(), randomOf(7)).toHex());
    expect(twice[0]).toBe(twice[1]);
    expect(twice[0]).not.toBe(first?.after.toHex());
  });
});
