/**
 * A process to be killed: starts the encode of a broadcast, prints ffmpeg's process id and keeps feeding it.
 * With the argument `untied`, the kernel's help (`setpriv --pdeathsig`) is not used.
 */
import { pino } from 'pino';

import { nutHeaderOf, nutFrameOf } from '#transcode/supervisor/from-bus.ts';
import { ffmpegArguments } from '#transcode/ffmpeg/arguments.ts';
import { FfmpegProcess } from '#transcode/ffmpeg/process.ts';
import { planLadder } from '#transcode/plan/plan.ts';
import { makeSource } from './source.ts';

const made = await makeSource({ rate: '30', seconds: 1, x264: ['-g', '30', '-bf', '0'], grouping: 'source' });
const { encode } = planLadder({ source: made.catalog, ladder: [{ height: 96, bitrate: 100_000 }], budget: 1000 });
if (encode === undefined) {
  throw new Error('nothing to encode');
}
const args = ffmpegArguments({ encode, encoder: 'x264', settings: { preset: 'veryfast', threads: 1 }, starts: new Map() });
const ffmpeg = new FfmpegProcess({
  path: 'ffmpeg',
  args,
  outputs: 1,
  log: pino({ level: 'silent' }),
  onOutput: () => {
    process.stdout.write(`${ffmpeg.pid}\n`);
  },
  tied: process.argv[2] !== 'untied',
});
ffmpeg.write([nutHeaderOf(encode)]);
for (;;) {
  if (!ffmpeg.congested) {
    made.frames.forEach((frame) => ffmpeg.write(nutFrameOf(frame)));
  }
  await new Promise((resolve) => setTimeout(resolve, 100));
}
