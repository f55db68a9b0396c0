import { describe, expect, it } from 'vitest';

import { writePli, writeFir, writeReceiverReport } from '../../media/rtp/rtcp/write.ts';
import { readExtension } from '../../media/rtp/rtp-header.ts';
import { AUDIO, audioFrame, EXTENSIONS, H264, OPUS, SenderBench, transportSequence, VIDEO, videoFrame } from './testing/sender-bench.ts';

describe('sending', () => {
  it('sends a frame of ten packets at once, in one batch, numbered and with the marker on the last', () => {
    const bench = new SenderBench();
    expect(bench.sender.sendVideo(videoFrame(0, 10, true), H264)).toBe(true);
    expect(bench.batches).toEqual([10]);
    const { header } = bench.rtp[0]!;
    expect(header).toMatchObject({ payloadType: 102, ssrc: VIDEO.ssrc, marker: false });
    bench.rtp.forEach((sent, i) => {
      expect(sent.header.sequenceNumber).toBe(header.sequenceNumber + i);
      expect(sent.header.timestamp).toBe(header.timestamp);
      expect(sent.header.marker).toBe(i === 9);
      expect(sent.payload).toEqual(new Uint8Array(1000).fill(i + 1));
    });
  });

  it('goes on with sequence numbers and timestamps over frames, and wraps the timestamp', () => {
    const bench = new SenderBench({ random: () => 0.9999999 });
    const frames = 4000;
    for (let i = 0; i < frames; i += 1) {
      bench.sender.sendVideo(videoFrame(i, 10), H264);
    }
    const video = bench.of(VIDEO.ssrc);
    const first = video[0]!.header;
    const last = video.at(-1)!.header;
    expect(last.sequenceNumber).toBe((first.sequenceNumber + frames * 10 - 1) % 65_536);
    expect(last.timestamp).toBe((first.timestamp + (frames - 1) * 3000) % 2 ** 32);
    expect(last.timestamp).toBeLessThan(first.timestamp);
    expect(last.sequenceNumber).toBeLessThan(first.sequenceNumber);
  });

  it('counts one transport-wide sequence over all streams', () => {
    const bench = new SenderBench();
    bench.sender.sendVideo(videoFrame(0, 2), H264);
    bench.sender.sendAudio(audioFrame(0), OPUS);
    bench.sender.sendVideo(videoFrame(1, 1), H264);
    expect(bench.rtp.map(transportSequence)).toEqual([1, 2, 3, 4]);
  });

  it('writes the time of sending in 24 bits of 6.18 seconds', () => {
    const bench = new SenderBench();
    bench.pass(1234.5);
    bench.sender.sendVideo(videoFrame(0), H264);
    const { bytes, header } = bench.rtp[0]!;
    const data = readExtension(bytes, header, EXTENSIONS.absSendTime)!;
    expect((data[0]! << 16) | (data[1]! << 8) | data[2]!).toBe(Math.floor((bench.now / 1000) * 2 ** 18) % 2 ** 24);
  });

  it('names the mid until the first report on the stream came', () => {
    const bench = new SenderBench();
    const block = { fractionLost: 0, cumulativeLost: 0, highestSequence: 0, jitter: 0, lastSenderReport: 0, delaySinceLastSenderReport: 0 };
    bench.sender.sendVideo(videoFrame(0), H264);
    bench.sender.sendAudio(audioFrame(0), OPUS);
    expect(bench.rtp.map(({ bytes, header }) => Buffer.from(readExtension(bytes, header, EXTENSIONS.mid)!).toString())).toEqual(['0', '1']);
    bench.sender.rtcp(writeReceiverReport({ ssrc: 1, reports: [{ ssrc: VIDEO.ssrc, ...block }] }), bench.now);
    bench.sender.sendVideo(videoFrame(1), H264);
    bench.sender.sendAudio(audioFrame(1), OPUS);
    const [, , video, audio] = bench.rtp;
    expect(readExtension(video!.bytes, video!.header, EXTENSIONS.mid)).toBeUndefined();
    expect(readExtension(audio!.bytes, audio!.header, EXTENSIONS.mid)).toBeDefined();
    expect(transportSequence(video!)).toBe(3);
  });

  it('counts no packet of a stream that has no transport-wide sequence numbers', () => {
    const bench = new SenderBench({ audio: { ...AUDIO, extensions: { mid: 4 } } });
    bench.sender.sendVideo(videoFrame(0), H264);
    bench.sender.sendAudio(audioFrame(0), OPUS);
    bench.sender.sendVideo(videoFrame(1), H264);
    const [first, audio, second] = bench.rtp;
    expect([transportSequence(first!), transportSequence(second!)]).toEqual([1, 2]);
    expect(readExtension(audio!.bytes, audio!.header, EXTENSIONS.transportCc)).toBeUndefined();
    expect(readExtension(audio!.bytes, audio!.header, EXTENSIONS.mid)).toBeDefined();
  });

  it('writes no extension that was not negotiated', () => {
    const bench = new SenderBench({ extensions: {}, feedback: 'none' });
    bench.sender.sendVideo(videoFrame(0), H264);
    expect(bench.rtp[0]!.header).toMatchObject({ extensionProfile: 0, payloadOffset: 12 });
  });

  it('sends the head of a large frame at once and paces the rest, sound going past it', () => {
    const bench = new SenderBench({ initialEstimate: 1_000_000 });
    bench.sender.sendVideo(videoFrame(0, 40, true), H264);
    expect(bench.rtp).toHaveLength(10);
    bench.sender.sendVideo(videoFrame(1, 1), H264);
    expect(bench.rtp).toHaveLength(10);
    bench.sender.sendAudio(audioFrame(0), OPUS);
    expect(bench.rtp).toHaveLength(11);
    bench.pass(50);
    expect(bench.rtp.length).toBeGreaterThan(20);
    expect(bench.sender.stats.queued.packets).toBeGreaterThan(0);
    bench.pass(200);
    const video = bench.of(VIDEO.ssrc);
    expect(video.map(({ header }) => header.sequenceNumber)).toEqual(Array.from({ length: 41 }, (_, i) => video[0]!.header.sequenceNumber + i));
    expect(bench.sender.stats.queued).toEqual({ packets: 0, bytes: 0, delay: 0 });
    // 2.5 to 6 times the estimate, in steps of 5 ms: a few packets each.
    expect(Math.max(...bench.batches.slice(1))).toBeLessThanOrEqual(5);
  });

  it('refuses frames when too much waits, tells the owner, and goes on at the next key frame', () => {
    const bench = new SenderBench({ initialEstimate: 100_000 });
    let at = 0;
    while (bench.sender.sendVideo(videoFrame(at, 40, at === 0), H264)) {
      at += 1;
      expect(at).toBeLessThan(10);
    }
    const waiting = bench.sender.stats.queued.packets;
    expect(bench.sender.sendVideo(videoFrame(at + 1, 1), H264)).toBe(false);
    expect(bench.sender.stats).toMatchObject({ framesSkipped: 2, queued: { packets: waiting } });
    expect(bench.sender.sendVideo(videoFrame(at + 2, 4, true), H264)).toBe(true);
    expect(bench.sender.sendVideo(videoFrame(at + 3, 1), H264)).toBe(true);
    bench.pass(5000);
    // Only whole frames went out: each timestamp ends with a marker.
    const last = new Map(bench.of(VIDEO.ssrc).map(({ header }) => [header.timestamp, header.marker]));
    expect([...last.values()].every(Boolean)).toBe(true);
    expect(bench.of(VIDEO.ssrc).at(-1)!.header.timestamp - bench.rtp[0]!.header.timestamp).toBe((at + 3) * 3000);
  });

  it('skips small frames too until the key frame, also when the queue has drained', () => {
    const bench = new SenderBench({ initialEstimate: 100_000 });
    for (let at = 0; bench.sender.sendVideo(videoFrame(at, 40, at === 0), H264); at += 1) {
      expect(at).toBeLessThan(10);
    }
    bench.pass(10_000);
    expect(bench.sender.stats.queued.packets).toBe(0);
    expect(bench.sender.sendVideo(videoFrame(20, 1), H264)).toBe(false);
    expect(bench.sender.sendVideo(videoFrame(21, 1, true), H264)).toBe(true);
  });

  it('forgets what waits when another rung takes over, but finishes the frame it has begun', () => {
    const bench = new SenderBench({ initialEstimate: 1_000_000 });
    bench.sender.sendVideo(videoFrame(0, 30, true), H264);
    bench.sender.sendVideo(videoFrame(1, 30), H264);
    bench.sender.dropQueued();
    bench.sender.sendVideo(videoFrame(2, 2, true), H264);
    bench.pass(500);
    expect(bench.of(VIDEO.ssrc)).toHaveLength(32);
  });

  it('asks for a key frame on PLI and FIR, at most every 300 ms, and never loses the request', () => {
    const bench = new SenderBench();
    bench.sender.sendVideo(videoFrame(0), H264);
    bench.sender.rtcp(writePli({ senderSsrc: 1, mediaSsrc: VIDEO.ssrc }), bench.now);
    bench.sender.rtcp(writePli({ senderSsrc: 1, mediaSsrc: VIDEO.ssrc }), bench.now);
    bench.sender.rtcp(writePli({ senderSsrc: 1, mediaSsrc: AUDIO.ssrc }), bench.now);
    expect(bench.keyRequests).toBe(1);
    bench.pass(600);
    expect(bench.keyRequests).toBe(2);
    const fir = writeFir({ senderSsrc: 1, requests: [{ ssrc: VIDEO.ssrc, sequenceNumber: 7 }] });
    bench.sender.rtcp(fir, bench.now);
    bench.sender.rtcp(fir, bench.now);
    bench.pass(1000);
    expect(bench.keyRequests).toBe(3);
    expect(bench.sender.stats.keyRequests).toBe(3);
  });

  it('takes noise for RTCP without harm', () => {
    const bench = new SenderBench();
    bench.sender.sendVideo(videoFrame(0), H264);
    for (let length = 0; length < 64; length += 1) {
      bench.sender.rtcp(new Uint8Array(length).fill(0x8f + length), bench.now);
    }
    expect(bench.sender.sendVideo(videoFrame(1), H264)).toBe(true);
  });

  it('sends nothing once closed', () => {
    const bench = new SenderBench();
    bench.sender.sendVideo(videoFrame(0, 40, true), H264);
    bench.sender.close();
    bench.sender.close();
    const { length } = bench.rtp;
    expect(bench.rtcp.filter(({ packets }) => packets.some(({ kind }) => kind === 'bye'))).toHaveLength(1);
    expect(bench.sender.sendVideo(videoFrame(1), H264)).toBe(false);
    bench.sender.sendAudio(audioFrame(0), OPUS);
    bench.pass(2000);
    expect(bench.rtp).toHaveLength(length);
    expect(bench.ticker.size).toBe(0);
  });
});
