import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { MessageChannel, Worker } from 'node:worker_threads';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { serveBus } from '#core/bus/worker/serve-bus.ts';
import { testFrame } from '#core/bus/testing/frames.ts';
import { broadcastId, type Frame } from '#core/media/frame.ts';
import { ticks, wallTime } from '#core/media/time.ts';
import { trackName } from '#core/media/track.ts';
import { PacketPipe } from '#core/rtc/workers/packet-pipe.ts';

import { fixed, printTable, quantile } from './support/statistics.ts';

/**
 * What a worker thread costs: `node test/bench/worker-hop.ts`. How old a frame is when a worker has it, and the processor time of
 * the main thread for each frame and worker; and the same time for each packet of a viewer that is forwarded.
 */

const BYTES = 8_300; // 2 Mbit/s at 30 frames a second
const FRAMES_PER_SECOND = 30;
const SECONDS = 5;
const broadcast = broadcastId('benchbroadcast');
const track = trackName('video');

async function measureFrames(workers: number, framesPerSecond: number): Promise<readonly string[]> {
  const bus = createLocalBus();
  const startedAt = performance.timeOrigin + performance.now();
  const threads = Array.from({ length: workers }, () => {
    const { port1, port2 } = new MessageChannel();
    serveBus(bus, port1);
    return new Worker(new URL('./worker-hop-reader.ts', import.meta.url), { workerData: { bus: port2, startedAt }, transferList: [port2] });
  });
  await Promise.all(threads.map((thread) => once(thread, 'message')));
  const producer = bus.produce(broadcast, track, { fence: 1 });
  const count = SECONDS * framesPerSecond;
  const before = process.threadCpuUsage();
  for (let n = 0; n < count; n += 1) {
    const now = performance.timeOrigin + performance.now() - startedAt;
    const frame: Frame = { ...testFrame(Math.floor(n / 30), n % 30, { bytes: BYTES }), broadcast, track, pts: ticks(now * 1000) };
    producer.write(frame);
    await setTimeout(1000 / framesPerSecond);
  }
  const { user, system } = process.threadCpuUsage(before);
  const answers = Promise.all(threads.map((thread) => once(thread, 'message')));
  bus.announce({ stream: 'bench', broadcast, epoch: 0, state: 'ended', startedAt: wallTime(0) });
  const reports = (await answers) as [{ readonly ages: readonly number[] }][];
  await Promise.all(threads.map((thread) => thread.terminate()));
  await bus.close();
  const ages = reports.flatMap(([{ ages: one }]) => one).toSorted((a, b) => a - b);
  return [`${workers}`, `${framesPerSecond}`, fixed(quantile(ages, 0.5), 2), fixed(quantile(ages, 0.95), 2), fixed((user + system) / count, 1)];
}

async function measurePackets(perTurn: number): Promise<readonly string[]> {
  const { port1, port2 } = new MessageChannel();
  // The other end answers as a worker does, without its time being counted: the reader's share is small beside the posting.
  const near = new PacketPipe(port1, { packet: () => {}, dropped: () => {} });
  const worker = new Worker(
    `const { workerData: { port } } = require('node:worker_threads');
     port.on('message', ({ kind, bytes }) => kind === 'packets' && port.postMessage({ kind: 'taken', bytes: bytes.byteLength }));`,
    { eval: true, workerData: { port: port2 }, transferList: [port2] },
  );
  port1.on('message', (message) => near.receive(message));
  await once(worker, 'online');
  const packet = Buffer.alloc(80);
  const turns = 20_000;
  const before = process.threadCpuUsage();
  for (let turn = 0; turn < turns; turn += 1) {
    for (let n = 0; n < perTurn; n += 1) {
      near.send('::ffff:192.0.2.10/50000', packet);
    }
    await new Promise(setImmediate);
  }
  const { user, system } = process.threadCpuUsage(before);
  await worker.terminate();
  port1.close();
  return [`${perTurn}`, fixed((user + system) / turns, 2)];
}

printTable('Frames over one message port', ['workers', 'frames/s', 'age p50 ms', 'p95', 'main thread us/frame'], [
  await measureFrames(0, FRAMES_PER_SECOND),
  await measureFrames(1, FRAMES_PER_SECOND),
  await measureFrames(2, FRAMES_PER_SECOND),
  await measureFrames(0, 4 * FRAMES_PER_SECOND),
  await measureFrames(2, 4 * FRAMES_PER_SECOND),
]);
printTable('Packets of viewers, forwarded', ['packets/turn', 'main thread us/turn'], [await measurePackets(0), await measurePackets(1), await measurePackets(8), await measurePackets(32)]);
