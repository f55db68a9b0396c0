import { describe, expect, it } from 'vitest';

import { NOT_RECEIVED } from '#core/media/rtp/rtcp/packets.ts';

import { Arrivals } from './arrivals.ts';
import { readAnswer } from './offer.ts';
import { StreamTally } from './stream-tally.ts';

describe('a sink of the fan-out benchmark', () => {
  it('counts gaps in the sequence numbers of a span, across the wrap', () => {
    const tally = new StreamTally(7, 90_000);
    [65_533, 65_534].forEach((sequence) => tally.take(sequence, 0, 0));
    tally.mark();
    [65_535, 0, 2, 5].forEach((sequence) => tally.take(sequence, 0, 0));
    expect({ received: tally.received, lost: tally.lost }).toEqual({ received: 4, lost: 3 });
  });

  it('does not count as lost what comes out of order', () => {
    const tally = new StreamTally(7, 90_000);
    [10, 12, 11, 13].forEach((sequence) => tally.take(sequence, 0, 0));
    expect(tally.lost).toBe(0);
  });

  it('tells how much later a frame came than the quickest, once a frame', () => {
    const tally = new StreamTally(7, 90_000);
    const frames = [[0, 1000], [3000, 1053], [3000, 1054], [6000, 1070]] as const;
    expect(frames.map(([timestamp, arrival], i) => Math.round(tally.take(i, timestamp, arrival)))).toEqual([-1, 0, -1, 0]);
    expect(Math.round(tally.take(9, 9000, 1150))).toBe(47);
  });

  it('reports what came and what did not, on from where the last feedback ended', () => {
    const arrivals = new Arrivals();
    arrivals.add(0xffff, 64);
    arrivals.add(1, 65);
    expect(arrivals.take(1, 2)).toMatchObject({ baseSequence: 0xffff, referenceTime: 1, arrivals: Int32Array.of(0, NOT_RECEIVED, 4) });
    expect(arrivals.take(1, 2)).toBeUndefined();
    arrivals.add(4, 130);
    expect(arrivals.take(1, 2)).toMatchObject({ baseSequence: 2, feedbackCount: 2, arrivals: Int32Array.of(NOT_RECEIVED, NOT_RECEIVED, 8) });
  });

  it('says what an answer lacks', () => {
    expect(() => readAnswer('v=0\r\n')).toThrow('fingerprint');
  });
});
