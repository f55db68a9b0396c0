import { expect, test } from 'vitest';

import { millis } from '#core/media/time.ts';

import { runFfmpeg, type ShortRun } from './run-ffmpeg.ts';

/** A run of Node in ffmpeg's place. */
function run(script: string, given: Partial<ShortRun> = {}): Promise<Buffer> {
  return runFfmpeg({ path: process.execPath, args: ['-e', script], input: [], timeout: millis(20_000), signal: new AbortController().signal, ...given });
}

/** Ends only when it is killed. */
const HANGS = 'process.stdin.resume(); setInterval(() => {}, 1000)';

test('what is written is what came in, in order', async () => {
  const input = [Buffer.alloc(200_000, 'a'), Buffer.from('b')];
  expect((await run('process.stdin.pipe(process.stdout)', { input })).equals(Buffer.concat(input))).toBe(true);
});

test('it is niced', async () => {
  expect((await run('setTimeout(() => process.stdout.write(String(require("os").getPriority())), 200)')).toString()).toBe('10');
});

test.each([
  ['fails', 'process.stdout.write("half"); process.exitCode = 1'],
  ['writes nothing', ''],
  ['is killed by somebody', 'process.stdout.write("half"); process.kill(process.pid, "SIGKILL")'],
])('one that %s made no picture', async (_what, script) => {
  await expect(run(script, { input: [Buffer.alloc(1_000_000)] })).rejects.toMatchObject({ code: 'pictures/undecodable' });
});

test('of what it complains with only so much is kept', async () => {
  const error: unknown = await run('process.stderr.write("x".repeat(5_000_000)); process.exitCode = 1').catch((thrown: unknown) => thrown);
  expect((error as Error).message.length).toBeLessThan(1100);
});

test('one that writes for ever is killed', async () => {
  await expect(run('const more = () => process.stdout.write(Buffer.alloc(1e6), more); more()')).rejects.toMatchObject({ code: 'pictures/undecodable' });
});

test('one that hangs is killed after its time', async () => {
  await expect(run(HANGS, { timeout: millis(300) })).rejects.toMatchObject({ code: 'pictures/timeout' });
});

test('where it is not there, that is said', async () => {
  await expect(run('', { path: '/nonexistent/ffmpeg' })).rejects.toMatchObject({ code: 'pictures/ffmpeg' });
});

test('it is killed when the server stops, and none is started after that', async () => {
  const stop = new AbortController();
  const running = run(HANGS, { signal: stop.signal });
  stop.abort();
  await expect(running).rejects.toMatchObject({ code: 'pictures/stopped' });
  await expect(run('', { signal: stop.signal })).rejects.toMatchObject({ code: 'pictures/stopped' });
});
