import { parentPort, workerData } from 'node:worker_threads';

import { connectBus } from '#core/bus/worker/connect-bus.ts';
import { millis, systemClock, type Millis } from '#core/media/time.ts';
import { messageOf, MillraceError } from '#core/runtime/errors.ts';
import { createLog } from '#core/runtime/log.ts';

import { MediaWorker } from './media-worker.ts';
import type { HttpWorkerData, WorkerReport, WorkerRequest } from './messages.ts';

/** A worker thread: live media over HTTP, from the bus of the thread that started it. */
const REPORT_MILLIS = 1000;

const control = parentPort;
if (control === null) {
  throw new Error('http-worker.ts is a worker thread');
}
const tell = (report: WorkerReport): void => control.postMessage(report);

const data = workerData as HttpWorkerData;
// Lines go to the main thread's log, which knows the level and the format.
const { log } = createLog({ level: 'debug', format: 'json', to: { write: (line) => tell({ tell: 'log', line }) } });
const bus = connectBus(data.bus);
const worker = new MediaWorker({ data, bus, log, clock: systemClock });
const timer = setInterval(() => tell({ tell: 'facts', facts: worker.facts() }), REPORT_MILLIS);
let closing: Promise<void> | undefined;

control.on('message', (request: WorkerRequest) => {
  switch (request.do) {
    case 'know':
      worker.state = request.state;
      break;
    case 'stop':
      worker.stop();
      break;
    case 'close':
      void close(request.grace);
      break;
  }
});
void bus.closed.then(() => close(millis(0)));
const started = start();

async function start(): Promise<void> {
  // Broadcasts, then the ladders of those broadcasts: who comes first finds what is on air.
  await bus.settled();
  await bus.settled();
  if (closing !== undefined) {
    return;
  }
  try {
    tell({ tell: 'listening', ...(await worker.listen()) });
  } catch (error) {
    tell({ tell: 'failed', code: error instanceof MillraceError ? error.code : 'edge/listen', message: messageOf(error) });
    void close(millis(0));
  }
}

/** Nothing is left to wait for then: the thread ends. */
function close(grace: Millis): Promise<void> {
  return (closing ??= (async () => {
    await started;
    await worker.close(grace);
    clearInterval(timer);
    tell({ tell: 'facts', facts: worker.facts() });
    await bus.close();
    control?.close();
  })());
}
