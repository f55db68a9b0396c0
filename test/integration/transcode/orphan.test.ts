import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { expect, test } from 'vitest';

import { isAlive } from './harness.ts';

const PARENT = new URL('orphan-parent.ts', import.meta.url).pathname;

test.each([
  { name: 'while it runs', args: [], stop: false },
  { name: 'while it is stopped and sees neither its input end nor its output break', args: [], stop: true },
  { name: 'without help of the kernel: its pipes break', args: ['untied'], stop: false },
])('kill -9 of our process takes ffmpeg along, $name', async ({ args, stop }) => {
  const parent = spawn(process.execPath, [PARENT, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  const ffmpeg = Number(line.toString().split('\n')[0]);
  expect(isAlive(ffmpeg)).toBe(true);
  if (stop) {
    process.kill(ffmpeg, 'SIGSTOP');
  }
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  await expect.poll(() => isAlive(ffmpeg)).toBe(false);
});
