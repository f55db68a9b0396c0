import { parentPort, workerData } from 'node:worker_threads';

import { connectBus } from '#core/bus/worker/connect-bus.ts';
import { systemClock } from '#core/media/time.ts';
import { createLog } from '#core/runtime/log.ts';
import { startWorkerTransport } from '#core/rtc/workers/worker-transport.ts';

import { gaugeOf } from '../egress-facts.ts';
import { Egress } from '../egress.ts';
import { postError, type EgressReport, type EgressRequest, type EgressWorkerData } from './messages.ts';

/** A worker thread: an egress of its own, on the bus and the WebRTC port of the thread that started it. */
const REPORT_MILLIS = 1000;
const SAMPLE_SECONDS = 5;

const control = parentPort;
if (control === null) {
  throw new Error('egress-worker.ts is a worker thread');
}
const tell = (report: EgressReport): void => control.postMessage(report);

const data = workerData as EgressWorkerData;
// Lines go to the main thread's log, which knows the level and the format.
const { log } = createLog({ level: 'debug', format: 'json', to: { write: (line) => tell({ tell: 'log', line }) } });
const bus = connectBus(data.bus);
const rtc = startWorkerTransport({ port: data.rtc, setup: data.setup, log });
const egress = new Egress({
  bus,
  rtc,
  log,
  clock: systemClock,
  observer: {
    event: (viewer, event) => tell({ tell: 'event', viewer, event }),
    connected: (viewer) => tell({ tell: 'connected', viewer }),
    ended: (viewer, reason) => tell({ tell: 'ended', viewer, reason }),
  },
});
const gauge = gaugeOf(egress);
let seconds = 0;
const timer = setInterval(() => {
  seconds += 1;
  egress.expire(systemClock());
  tell({ tell: 'facts', facts: gauge.facts() });
  if (seconds % SAMPLE_SECONDS === 0) {
    tell({ tell: 'samples', samples: gauge.samples() });
  }
}, REPORT_MILLIS);

// Broadcasts, then the ladders of those broadcasts: who comes first finds what is on air.
await bus.settled();
await bus.settled();
control.on('message', take);
void bus.closed.then(close);

function take(request: EgressRequest): void {
  switch (request.do) {
    case 'create':
      answer(request.call, () => egress.create(request.request));
      break;
    case 'restart':
      answer(request.call, () => egress.restart(request.id, request.ice));
      break;
    case 'wish':
      answer(request.call, () => egress.wish(request.id, request.wish));
      break;
    case 'remove':
      egress.remove(request.id);
      break;
    case 'close':
      close();
      break;
  }
}

function answer(call: number, work: () => unknown): void {
  try {
    tell({ tell: 'answer', call, value: work() });
  } catch (thrown) {
    tell({ tell: 'refusal', call, refusal: postError(thrown) });
  }
}

function close(): void {
  clearInterval(timer);
  egress.close();
  tell({ tell: 'facts', facts: gauge.facts() });
  // Nothing is left to wait for then: the thread ends.
  void Promise.all([rtc.close(), bus.close()]).then(() => control?.close());
}
