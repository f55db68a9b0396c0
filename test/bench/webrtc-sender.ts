import type { PacketizedFrame } from '#core/media/rtp/packetized-frame.ts';
import { writeTransportFeedback } from '#core/media/rtp/rtcp/write.ts';
import { millis, ticks, timescale } from '#core/media/time.ts';
import { PacketBatch } from '#core/rtc/packet-batch.ts';
import { MediaSender } from '#core/rtc/sender/media-sender.ts';
import { Ticker } from '#core/rtc/ticker.ts';

import { fixed, printTable } from './support/statistics.ts';

const VIEWERS = 500;
const SECONDS = 4;
const FPS = 30;
const PACKETS = 7;

/** What sending costs, in microseconds per packet and kilobytes per viewer. */
export type WebrtcSenderResult = {
  readonly packets: number;
  readonly sending: number;
  readonly feedback: number;
  readonly ticker: number;
  readonly idleKilobytes: number;
  readonly busyKilobytes: number;
  readonly estimate: number;
  readonly loss: number;
};

/**
 * What sending costs per packet without encryption and system calls: `node --expose-gc test/bench/webrtc-sender.ts`.
 * 500 viewers of one rendition at 2 Mbit/s, with feedback on every packet. Memory needs `--expose-gc` to mean something.
 */
export function runWebrtcSender(): WebrtcSenderResult {
  let now = 1_000_000;
  const clock = () => millis(now);
  const ticker = new Ticker(clock, { set: () => undefined, clear: () => undefined });
  const batch = new PacketBatch();
  let sent = 0;
  const sink = { overhead: 16, send: (filled: PacketBatch) => (sent += filled.count), sendRtcp: () => undefined };
  const config = { kind: 'video', codec: 'h264', codecString: 'avc1.42e01f', description: new Uint8Array(), width: 640, height: 360, timescale: timescale(90_000), frameDuration: 3000, reordered: false } as const;
  const payload = { type: 102, rtxType: 103 };

  globalThis.gc?.();
  const heapBefore = process.memoryUsage();
  const senders = Array.from({ length: VIEWERS }, (_, i) => new MediaSender({
    sink, batch, clock, ticker, feedback: 'transport-cc', extensions: { mid: 4, absSendTime: 2, transportCc: 3 }, initialEstimate: 3e6,
    video: { mid: '0', ssrc: 2 * i + 1, rtxSsrc: 2 * i + 2, clockRate: 90_000, cname: 'x' }, handler: { keyRequest: () => undefined },
  }));
  globalThis.gc?.();
  const heapIdle = process.memoryUsage();

  let sending = 0;
  let hearing = 0;
  let ticking = 0;
  let transport = 1;
  for (let frame = 0; frame < SECONDS * FPS; frame += 1) {
    const payloads = Array.from({ length: PACKETS }, () => new Uint8Array(1160));
    const packetized: PacketizedFrame = { group: 0, epoch: 0, index: frame, key: frame % 60 === 0, timestamp: ticks(frame * 3000), config, payloads, byteLength: PACKETS * 1160 };
    let from = performance.now();
    senders.forEach((sender) => sender.sendVideo(packetized, payload));
    sending += performance.now() - from;
    now += 1000 / FPS;
    from = performance.now();
    ticker.run();
    ticking += performance.now() - from;
    // Feedback on three frames at a time, as browsers send it.
    if (frame % 3 === 2) {
      const count = 3 * PACKETS;
      const referenceTime = Math.floor((now - 100) / 64);
      const base = (now - 100 - referenceTime * 64) * 4;
      const arrivals = Int32Array.from({ length: count }, (_, i) => Math.round(base + Math.floor(i / PACKETS) * 133 + (i % PACKETS) * 4));
      const feedback = writeTransportFeedback({ senderSsrc: 1, mediaSsrc: 1, feedbackCount: frame & 0xff, baseSequence: transport & 0xffff, referenceTime, arrivals });
      transport += count;
      from = performance.now();
      senders.forEach((sender) => sender.rtcp(feedback, clock()));
      hearing += performance.now() - from;
    }
  }
  globalThis.gc?.();
  const heapBusy = process.memoryUsage();
  const perPacket = (time: number): number => (time * 1000) / sent;
  const perViewer = (to: NodeJS.MemoryUsage): number => (to.heapUsed + to.arrayBuffers - heapBefore.heapUsed - heapBefore.arrayBuffers) / VIEWERS / 1024;
  const stats = senders[0]?.stats;
  senders.forEach((sender) => sender.close());
  return {
    packets: sent,
    sending: perPacket(sending),
    feedback: perPacket(hearing),
    ticker: perPacket(ticking),
    idleKilobytes: perViewer(heapIdle),
    busyKilobytes: perViewer(heapBusy),
    estimate: stats?.estimate ?? 0,
    loss: stats?.loss ?? 0,
  };
}

/** Prints the result as a table. */
export function printWebrtcSender(result: WebrtcSenderResult): void {
  printTable(
    `The sender alone: ${VIEWERS} viewers at 2 Mbit/s (microseconds per packet, kilobytes per viewer)`,
    ['packets', 'sending', 'feedback', 'ticker', 'idle (kB)', 'busy (kB)', 'estimate (kbit/s)', 'loss'],
    [[result.packets, fixed(result.sending, 2), fixed(result.feedback, 2), fixed(result.ticker, 2), fixed(result.idleKilobytes, 1), fixed(result.busyKilobytes, 1), fixed(result.estimate / 1000, 0), result.loss]],
  );
}

if (import.meta.main) {
  printWebrtcSender(runWebrtcSender());
}
