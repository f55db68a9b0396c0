import { workerData, parentPort, type MessagePort } from 'node:worker_threads';

import { connectBus } from '../worker/connect-bus.ts';
import { placeOf, testBroadcast, testTrack } from './frames.ts';

/** A worker that reads one track and says what it read. */
const bus = connectBus((workerData as { readonly port: MessagePort }).port);
const consumer = bus.consume(testBroadcast, testTrack);
await bus.lease('of-the-worker');
parentPort?.postMessage('subscribed');
for await (const frame of consumer) {
  parentPort?.postMessage(placeOf(frame));
}
