import { parentPort } from 'node:worker_threads';

import { MillraceError, messageOf } from '#core/runtime/errors.ts';

import type { ThreadAnswer, ThreadRequest } from './ffmpeg-thread.ts';
import { runFfmpeg } from './run-ffmpeg.ts';

/** A worker thread: starts the ffmpegs of pictures, one at a time, for {@link FfmpegThread}. */
const control = parentPort;
if (control === null) {
  throw new Error('ffmpeg-worker.ts is a worker thread');
}

const stop = new AbortController();

const answer = (value: ThreadAnswer): void => control.postMessage(value);

control.on('message', (request: ThreadRequest) => {
  if (request === 'stop') {
    stop.abort();
    return;
  }
  runFfmpeg({ ...request, signal: stop.signal }).then(
    (output) => answer({ output }),
    (error: unknown) => answer({ code: error instanceof MillraceError ? error.code : 'pictures/ffmpeg', message: messageOf(error) }),
  );
});
