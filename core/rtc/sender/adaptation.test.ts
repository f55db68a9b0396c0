import { describe, expect, it } from 'vitest';

import { writeNack, writeRemb } from '../../media/rtp/rtcp/write.ts';
import { SimulatedBrowser } from './testing/browser.ts';
import { H264, SenderBench, VIDEO, videoFrame } from './testing/sender-bench.ts';

describe('a viewer on a link', () => {
  it('with 5 % of loss and 60 ms of round trip is complete within 200 ms at all times, and its estimate stays', () => {
    const bench = new SenderBench({ initialEstimate: 3e6 });
    const browser = new SimulatedBrowser(bench, 1.9e6, { capacity: 10e6, delay: 30, loss: 0.05 });
    browser.run(20_000);
    expect(browser.longestStall).toBeLessThan(200);
    expect(browser.repeated).toBeGreaterThan(100);
    expect(bench.sender.stats.estimate).toBeGreaterThan(2.4e6);
    expect(bench.sender.stats.loss).toBeGreaterThan(0.02);
    expect(bench.sender.stats.loss).toBeLessThan(0.1);
  });

  it('climbs by probes of retransmissions to what is wanted, tells the owner, and stops there', () => {
    const bench = new SenderBench();
    const browser = new SimulatedBrowser(bench, 400e3, { capacity: 8e6, delay: 20 });
    browser.run(200);
    bench.sender.setDemand(2.5e6);
    browser.run(3000);
    const { stats } = bench.sender;
    expect(stats.estimate).toBeGreaterThan(2.5e6);
    expect(stats.limitedBy).toBe('probe');
    expect(stats.padding).toBeGreaterThan(50);
    expect(bench.of(VIDEO.rtxSsrc)).toHaveLength(stats.padding);
    expect(bench.estimateChanges).toBeGreaterThan(0);
    browser.run(5000);
    expect(bench.sender.stats.padding).toBe(stats.padding);
  });

  it('without RTX is probed with padding between frames, which leaves nothing missing', () => {
    const { rtxSsrc: _, ...video } = VIDEO;
    const bench = new SenderBench({ video });
    const browser = new SimulatedBrowser(bench, 400e3, { capacity: 8e6, delay: 20, loss: 0.02 });
    browser.run(200);
    bench.sender.setDemand(1.6e6);
    browser.run(4000);
    expect(bench.sender.stats.estimate).toBeGreaterThan(1.6e6);
    const padding = bench.of(VIDEO.ssrc).filter(({ header }) => header.padding > 0);
    expect(padding.length).toBeGreaterThanOrEqual(bench.sender.stats.padding);
    expect(padding.every(({ header }) => header.payloadLength === 0 && !header.marker)).toBe(true);
    expect(bench.now - browser.completeAt).toBeLessThan(100);
  });

  it('whose link is cut to 0.8 Mbit/s is told below it within 1.5 s, retransmissions not making it worse', () => {
    const bench = new SenderBench({ initialEstimate: 3e6 });
    const browser = new SimulatedBrowser(bench, 1.9e6, { capacity: 4e6, queueBytes: 125_000, delay: 10 });
    browser.run(5000);
    browser.link.set({ capacity: 0.8e6, queueBytes: 25_000 }, bench.now);
    browser.run(1500);
    expect(bench.sender.stats.estimate).toBeLessThan(0.8e6);
    expect(bench.sender.stats.queueDelay).toBeGreaterThan(50);
    browser.rate = 350e3;
    browser.run(5000);
    expect(bench.sender.stats.estimate).toBeGreaterThan(0.45e6);
    expect(bench.sender.stats.queueDelay).toBeLessThan(30);
  });

  it('whose queue overflows gets nothing again that a newer key frame has replaced', () => {
    const bench = new SenderBench({ initialEstimate: 3e6 });
    const browser = new SimulatedBrowser(bench, 1.9e6, { capacity: 4e6, queueBytes: 125_000, delay: 10 });
    browser.run(5000);
    browser.link.set({ capacity: 0.8e6, queueBytes: 25_000 }, bench.now);
    browser.run(800);
    expect(bench.sender.stats.queueDelay).toBeGreaterThan(100);
    const nack = (sequenceNumber: number): void => bench.sender.rtcp(writeNack({ senderSsrc: 1, mediaSsrc: VIDEO.ssrc, sequenceNumbers: [sequenceNumber] }), bench.now);
    bench.sender.dropQueued();
    bench.sender.sendVideo(videoFrame(10_000, 2, true), H264);
    bench.pass(600);
    const key = bench.of(VIDEO.ssrc).at(-1)!.header.sequenceNumber;
    expect(bench.of(VIDEO.ssrc).slice(-2).map(({ header }) => header.marker)).toEqual([false, true]);
    const before = bench.sender.stats.retransmitted;
    nack(key - 2);
    expect(bench.sender.stats.retransmitted).toBe(before);
    nack(key);
    expect(bench.sender.stats.retransmitted).toBe(before + 1);
  });

  it('without transport-wide feedback is believed by its REMB, and never probed', () => {
    const bench = new SenderBench({ feedback: 'remb', extensions: { absSendTime: 2 } });
    const browser = new SimulatedBrowser(bench, 400e3, { delay: 20 }, false);
    bench.sender.setDemand(5e6);
    browser.run(1000);
    bench.sender.rtcp(writeRemb({ senderSsrc: 1, bitrate: 3e6, ssrcs: [VIDEO.ssrc] }), bench.now);
    expect(bench.sender.stats.estimate / 3e6).toBeCloseTo(1, 3);
    browser.run(3000);
    expect(bench.sender.stats.padding).toBe(0);
  });

  it('is not probed while nothing is sent to it, and that is no failure', () => {
    const bench = new SenderBench();
    const browser = new SimulatedBrowser(bench, 400e3, { delay: 20 });
    browser.run(1000);
    bench.pass(800);
    bench.sender.setDemand(2e6);
    bench.pass(5000);
    expect(bench.sender.stats.probes).toEqual({ sent: 0, failed: 0 });
  });

  it('sends no padding while pictures wait', () => {
    const bench = new SenderBench({ initialEstimate: 500_000 });
    const browser = new SimulatedBrowser(bench, 400e3, { delay: 20 });
    browser.run(300);
    bench.sender.setDemand(5e6);
    const before = bench.sender.stats.padding;
    bench.sender.sendVideo(videoFrame(1000, 100, true), H264);
    let waited = 0;
    for (; bench.sender.stats.queued.packets > 0; waited += 1) {
      bench.pass(5);
      expect(bench.sender.stats.queued.packets === 0 || bench.sender.stats.padding === before).toBe(true);
    }
    expect(waited).toBeGreaterThan(10);
  });

  it('that is idle is left alone: reports alone, and no history kept', () => {
    const bench = new SenderBench();
    const browser = new SimulatedBrowser(bench, 400e3, { delay: 20 });
    browser.run(1000);
    const sent = bench.rtp.length;
    const reports = bench.rtcp.length;
    bench.pass(10_000);
    expect(bench.rtp).toHaveLength(sent);
    expect(bench.rtcp.length - reports).toBe(10);
  });
});
