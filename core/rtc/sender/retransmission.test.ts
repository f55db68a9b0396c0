import { describe, expect, it } from 'vitest';

import { writeNack } from '../../media/rtp/rtcp/write.ts';
import { H264, SenderBench, VIDEO, videoFrame } from './testing/sender-bench.ts';

function nack(bench: SenderBench, ...sequenceNumbers: readonly number[]): void {
  bench.sender.rtcp(writeNack({ senderSsrc: 1, mediaSsrc: VIDEO.ssrc, sequenceNumbers }), bench.now);
}

describe('retransmission (RFC 4588)', () => {
  it('sends a lost packet under its own SSRC, with the original sequence number before the payload', () => {
    const bench = new SenderBench();
    bench.sender.sendVideo(videoFrame(0, 3, true), H264);
    const lost = bench.rtp[2]!;
    nack(bench, lost.header.sequenceNumber);
    const [again] = bench.of(VIDEO.rtxSsrc);
    expect(again!.header).toMatchObject({ payloadType: 103, marker: true, timestamp: lost.header.timestamp });
    expect((again!.payload[0]! << 8) | again!.payload[1]!).toBe(lost.header.sequenceNumber);
    expect(again!.payload.subarray(2)).toEqual(lost.payload);
    expect(bench.sender.stats).toMatchObject({ retransmitted: 1, nacks: 1 });
  });

  it('numbers retransmissions in a row of their own', () => {
    const bench = new SenderBench();
    bench.sender.sendVideo(videoFrame(0, 3, true), H264);
    const first = bench.rtp[0]!.header.sequenceNumber;
    nack(bench, first, first + 2);
    const [a, b] = bench.of(VIDEO.rtxSsrc);
    expect(b!.header.sequenceNumber).toBe(a!.header.sequenceNumber + 1);
    expect(bench.batches.at(-1)).toBe(2);
  });

  it('answers for each packet at most once in a round trip', () => {
    const bench = new SenderBench();
    bench.sender.sendVideo(videoFrame(0, 2, true), H264);
    const { sequenceNumber } = bench.rtp[0]!.header;
    nack(bench, sequenceNumber, sequenceNumber);
    bench.pass(50);
    nack(bench, sequenceNumber);
    expect(bench.of(VIDEO.rtxSsrc)).toHaveLength(1);
    bench.pass(60);
    nack(bench, sequenceNumber);
    // One answer, in two copies.
    expect(bench.of(VIDEO.rtxSsrc)).toHaveLength(3);
    bench.pass(50);
    nack(bench, sequenceNumber);
    expect(bench.of(VIDEO.rtxSsrc)).toHaveLength(3);
  });

  it('sends in two copies what was lost with its retransmission', () => {
    const bench = new SenderBench();
    bench.sender.sendVideo(videoFrame(0, 2, true), H264);
    const { sequenceNumber } = bench.rtp[0]!.header;
    nack(bench, sequenceNumber);
    bench.pass(110);
    nack(bench, sequenceNumber);
    const [first, ...copies] = bench.of(VIDEO.rtxSsrc);
    expect(copies).toHaveLength(2);
    expect(copies.map(({ payload }) => payload)).toEqual([first!.payload, first!.payload]);
    expect(new Set(copies.map(({ header }) => header.sequenceNumber)).size).toBe(2);
  });

  it('knows nothing of what was sent a second ago, nor of what never was', () => {
    const bench = new SenderBench();
    bench.sender.sendVideo(videoFrame(0), H264);
    const { sequenceNumber } = bench.rtp[0]!.header;
    nack(bench, sequenceNumber + 1, sequenceNumber - 1);
    bench.pass(2000);
    nack(bench, sequenceNumber);
    expect(bench.of(VIDEO.rtxSsrc)).toHaveLength(0);
  });

  it('reads no more than 500 compounds in a second', () => {
    const bench = new SenderBench();
    bench.sender.sendVideo(videoFrame(0), H264);
    const { sequenceNumber } = bench.rtp[0]!.header;
    Array.from({ length: 3000 }, () => nack(bench, sequenceNumber));
    expect(bench.sender.stats.nacks).toBe(500);
    bench.pass(1000);
    nack(bench, sequenceNumber);
    expect(bench.sender.stats.nacks).toBe(501);
  });

  it('keeps to a share of the estimate when everything is asked for', () => {
    const bench = new SenderBench({ initialEstimate: 400_000 });
    const numbers: number[] = [];
    for (let i = 0; i < 100; i += 1) {
      bench.sender.sendVideo(videoFrame(i, 5), H264);
    }
    bench.rtp.forEach(({ header }) => numbers.push(header.sequenceNumber));
    for (let i = 0; i < 20; i += 1) {
      nack(bench, ...numbers.slice(0, 400));
      bench.pass(10);
    }
    const bytes = bench.of(VIDEO.rtxSsrc).reduce((sum, sent) => sum + sent.bytes.length, 0);
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThan(15_000 + 0.3 * 400_000 * 0.2 / 8);
  });

  it('without RTX sends byte for byte the same packet, so that no nonce of AES-GCM is used for two (RFC 7714, 8.1)', () => {
    const { rtxSsrc: _, ...video } = VIDEO;
    const bench = new SenderBench({ video });
    bench.sender.sendVideo(videoFrame(0, 3, true), { type: 102 });
    bench.pass(33);
    nack(bench, bench.rtp[1]!.header.sequenceNumber);
    expect(bench.rtp).toHaveLength(4);
    expect(bench.rtp[3]!.bytes).toEqual(bench.rtp[1]!.bytes);
  });

  it('finds its packets after the sequence number wrapped', () => {
    const bench = new SenderBench({ random: () => 0.99999 });
    for (let i = 0; i < 3300; i += 1) {
      bench.sender.sendVideo(videoFrame(i, 10), H264);
      bench.pass(5);
    }
    const lost = bench.rtp.at(-400)!;
    expect(bench.rtp.at(-1)!.header.sequenceNumber).toBeLessThan(1000);
    nack(bench, lost.header.sequenceNumber);
    expect(bench.of(VIDEO.rtxSsrc).at(-1)!.payload.subarray(2)).toEqual(lost.payload);
  });
});
