import { parentPort, workerData, type MessagePort } from 'node:worker_threads';

import { connectBus } from '#core/bus/worker/connect-bus.ts';
import { broadcastId } from '#core/media/frame.ts';
import { trackName } from '#core/media/track.ts';

/** The worker of the hop benchmark: reads a track and tells how old each frame is when it comes. */
const { bus: port, startedAt } = workerData as { readonly bus: MessagePort; readonly startedAt: number };
const consumer = connectBus(port).consume(broadcastId('benchbroadcast'), trackName('video'));
const ages: number[] = [];
parentPort?.postMessage('ready');
for (let frame = await consumer.next(); frame !== undefined; frame = await consumer.next()) {
  // The pts is the moment of writing, in microseconds.
  ages.push(performance.timeOrigin + performance.now() - startedAt - frame.pts / 1000);
}
parentPort?.postMessage({ ages, cpu: process.threadCpuUsage() });
