import { describe, expect, it } from 'vitest';

import type { SenderReport } from '../../media/rtp/rtcp/packets.ts';
import { writeReceiverReport } from '../../media/rtp/rtcp/write.ts';
import { millis, wallTime } from '../../media/time.ts';
import { AUDIO, audioFrame, H264, OPUS, SenderBench, VIDEO, videoFrame } from './testing/sender-bench.ts';

/** NTP time of a report in ms since 1970. */
function wallOf({ ntpSeconds, ntpFraction }: SenderReport): number {
  return (ntpSeconds - 2_208_988_800) * 1000 + (ntpFraction / 2 ** 32) * 1000;
}

function reportsOf(bench: SenderBench, ssrc: number): SenderReport[] {
  return bench.rtcp.flatMap(({ packets }) => packets).filter((packet) => packet.kind === 'sender-report').filter((report) => report.ssrc === ssrc);
}

describe('sender reports (RFC 3550, 6.4.1)', () => {
  it('go out with the first packet of each stream, then every second, with the name', () => {
    const bench = new SenderBench();
    bench.sender.sendVideo(videoFrame(0, 2, true), H264);
    expect(bench.rtcp).toHaveLength(1);
    expect(bench.rtcp[0]!.packets).toEqual([
      expect.objectContaining({ kind: 'sender-report', ssrc: VIDEO.ssrc, packetCount: 2, octetCount: 2000 }),
      { kind: 'sdes', chunks: [{ ssrc: VIDEO.ssrc, cname: 'broadcast' }] },
    ]);
    bench.sender.sendAudio(audioFrame(0), OPUS);
    expect(bench.rtcp).toHaveLength(2);
    expect(reportsOf(bench, AUDIO.ssrc)).toHaveLength(1);
    bench.pass(3020);
    expect(reportsOf(bench, AUDIO.ssrc)).toHaveLength(4);
  });

  it('say when the picture was before the camera, in step for sound and picture', () => {
    const bench = new SenderBench();
    bench.sender.setCapture(wallTime(1_700_000_000_000), 10);
    // 10.5 s of the broadcast, on both clocks.
    bench.sender.sendVideo(videoFrame(315), H264);
    bench.sender.sendAudio(audioFrame(525), OPUS);
    bench.pass(1500);
    for (const [ssrc, rate] of [[VIDEO.ssrc, 90_000], [AUDIO.ssrc, 48_000]] as const) {
      const first = bench.of(ssrc)[0]!;
      for (const report of reportsOf(bench, ssrc)) {
        const ahead = ((report.rtpTimestamp - first.header.timestamp) / rate) * 1000;
        expect(wallOf(report) - ahead).toBeCloseTo(1_700_000_000_500, 1);
      }
    }
  });

  it('keep sound and picture in step before the time of capture is known', () => {
    const bench = new SenderBench();
    bench.sender.sendVideo(videoFrame(315), H264);
    bench.pass(100);
    bench.sender.sendAudio(audioFrame(525), OPUS);
    const at = (ssrc: number, rate: number): number => {
      const report = reportsOf(bench, ssrc).at(-1)!;
      return wallOf(report) - ((report.rtpTimestamp - bench.of(ssrc)[0]!.header.timestamp) / rate) * 1000;
    };
    expect(at(VIDEO.ssrc, 90_000)).toBeCloseTo(at(AUDIO.ssrc, 48_000), 1);
  });

  it('give the round trip when the peer reports on them', () => {
    const bench = new SenderBench();
    bench.sender.sendVideo(videoFrame(0), H264);
    bench.pass(340);
    const [report] = reportsOf(bench, VIDEO.ssrc);
    const lastSenderReport = (((report!.ntpSeconds & 0xffff) << 16) | (report!.ntpFraction >>> 16)) >>> 0;
    const block = { ssrc: VIDEO.ssrc, fractionLost: 0, cumulativeLost: 0, highestSequence: 0, jitter: 0, lastSenderReport, delaySinceLastSenderReport: Math.round(0.3 * 65_536) };
    expect(bench.sender.stats.rtt).toBeUndefined();
    bench.sender.rtcp(writeReceiverReport({ ssrc: 1, reports: [block] }), bench.now);
    expect(bench.sender.stats.rtt).toBeCloseTo(40, 1);
    // A report that was never sent says nothing, nor does one from the future.
    bench.sender.rtcp(writeReceiverReport({ ssrc: 1, reports: [{ ...block, lastSenderReport: 12_345 }, { ...block, delaySinceLastSenderReport: 65_536 }] }), bench.now);
    expect(bench.sender.stats.rtt).toBeCloseTo(40, 1);
  });

  it('are forgotten with the path', () => {
    const bench = new SenderBench({ rtt: millis(20) });
    bench.sender.sendVideo(videoFrame(0), H264);
    bench.sender.pathChanged();
    expect(bench.sender.stats).toMatchObject({ rtt: undefined, limitedBy: 'start' });
  });

  it('end with BYE for every SSRC', () => {
    const bench = new SenderBench();
    bench.sender.sendVideo(videoFrame(0), H264);
    bench.sender.sendAudio(audioFrame(0), OPUS);
    bench.sender.close();
    expect(bench.rtcp.at(-1)!.packets.at(-1)).toMatchObject({ kind: 'bye', ssrcs: [VIDEO.ssrc, VIDEO.rtxSsrc, AUDIO.ssrc] });
  });
});
