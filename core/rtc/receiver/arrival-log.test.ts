import { describe, expect, it } from 'vitest';

import { NOT_RECEIVED } from '../../media/rtp/rtcp/packets.ts';
import { millis } from '../../media/time.ts';
import { ArrivalLog } from './arrival-log.ts';

/** A feedback as milliseconds since the log's own epoch, by sequence number; undefined where the packet had not arrived. */
function read(feedback: ReturnType<ArrivalLog['take']>): [number, number | undefined][] {
  return [...(feedback?.arrivals ?? [])].map((tick, n) => [
    ((feedback?.baseSequence ?? 0) + n) & 0xffff,
    tick === NOT_RECEIVED ? undefined : (feedback?.referenceTime ?? 0) * 64 + tick / 4,
  ]);
}

function logged(...arrivals: readonly (readonly [number, number])[]): ArrivalLog {
  const log = new ArrivalLog();
  arrivals.forEach(([sequence, at]) => log.add(sequence, millis(at)));
  return log;
}

describe('arrivals for transport-wide feedback', () => {
  it('are told once, in the order of their numbers, to a quarter of a millisecond', () => {
    const log = logged([7, 100], [9, 103.25], [8, 101.5]);
    expect(read(log.take())).toEqual([[7, 100], [8, 101.5], [9, 103.25]]);
    expect(log.pending).toBe(false);
    expect(log.take()).toBeUndefined();
  });

  it('a loss between two feedbacks is told by the second', () => {
    const log = logged([1, 0], [2, 1]);
    log.take();
    log.add(5, millis(60));
    expect(read(log.take())).toEqual([[3, undefined], [4, undefined], [5, 60]]);
  });

  it('a packet that a feedback has overtaken is told with the next, and its neighbours keep their times', () => {
    const log = logged([1, 0], [3, 2]);
    log.take();
    log.add(2, millis(51));
    log.add(4, millis(52));
    expect(read(log.take())).toEqual([[2, 51], [3, 2], [4, 52]]);
  });

  it('numbers wrap', () => {
    const log = logged([65_534, 10], [1, 12]);
    expect(read(log.take())).toEqual([[65_534, 10], [65_535, undefined], [0, undefined], [1, 12]]);
  });

  it('packets that are further apart than one feedback can say are told by two', () => {
    const log = logged([1, 0], [2, 9000]);
    expect(read(log.take())).toEqual([[1, 0]]);
    expect(log.pending).toBe(true);
    expect(read(log.take())).toEqual([[2, 9000]]);
    expect(log.pending).toBe(false);
  });

  it('a number that comes twice counts once, with its first arrival', () => {
    expect(read(logged([1, 5], [1, 9]).take())).toEqual([[1, 5]]);
  });

  it('a sender that begins anew elsewhere is followed', () => {
    const log = logged([100, 0]);
    log.take();
    log.add(30_000, millis(20));
    expect(read(log.take())).toEqual([[30_000, 20]]);
  });

  it('a feedback speaks of no more than 1,024 packets: the newest', () => {
    const log = logged([1, 0], [3000, 40]);
    const told = read(log.take());
    expect(told).toHaveLength(1024);
    expect(told.at(-1)).toEqual([3000, 40]);
  });

  it('feedbacks are counted modulo 256, and the reference time is signed', () => {
    const log = new ArrivalLog();
    const counts: (number | undefined)[] = [];
    for (let n = 0; n < 257; n += 1) {
      log.add(n, millis(2 ** 23 * 64 + n));
      const feedback = log.take();
      counts.push(feedback?.feedbackCount);
      expect(feedback?.referenceTime).toBeLessThan(0);
    }
    expect(counts.slice(-2)).toEqual([255, 0]);
  });
});
