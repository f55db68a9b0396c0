import { expect, onTestFinished, test, vi } from 'vitest';

import { millis } from '#core/media/time.ts';

import { FfmpegThread } from './ffmpeg-thread.ts';

function thread(): FfmpegThread {
  const made = new FfmpegThread();
  onTestFinished(() => made.close());
  return made;
}

/** Node in ffmpeg's place. */
const node = (script: string, timeout = 20_000) => ({ path: process.execPath, args: ['-e', script], input: [Buffer.from('in')], timeout: millis(timeout) });

test('runs are answered one after the other', async () => {
  const ffmpeg = thread();
  expect((await ffmpeg.run(node('process.stdin.pipe(process.stdout)'))).toString()).toBe('in');
  await expect(ffmpeg.run(node('process.exitCode = 1'))).rejects.toMatchObject({ name: 'MillraceError', code: 'pictures/undecodable' });
  expect((await ffmpeg.run(node('process.stdout.write("again")'))).toString()).toBe('again');
});

test('what hangs is killed', async () => {
  await expect(thread().run(node('setInterval(() => {}, 1000)', 300))).rejects.toMatchObject({ code: 'pictures/timeout' });
});

test('a thread is ended when nobody needs it, and the next run has another', async () => {
  const ffmpeg = thread();
  await ffmpeg.run(node('process.stdout.write("1")'));
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const second = ffmpeg.run(node('process.stdout.write("2")'));
  expect((await second).toString()).toBe('2');
  await vi.advanceTimersByTimeAsync(30_000);
  vi.useRealTimers();
  expect((await ffmpeg.run(node('process.stdout.write("3")'))).toString()).toBe('3');
});

test('closed, it kills the ffmpeg that runs before it ends, and runs no other', async () => {
  const ffmpeg = new FfmpegThread();
  await ffmpeg.run(node('process.stdout.write("warm")'));
  const running = expect(ffmpeg.run(node('setInterval(() => {}, 1000)'))).rejects.toMatchObject({ code: 'pictures/stopped' });
  await Promise.all([ffmpeg.close(), ffmpeg.close()]);
  await running;
  await expect(ffmpeg.run(node(''))).rejects.toMatchObject({ code: 'pictures/stopped' });
});
