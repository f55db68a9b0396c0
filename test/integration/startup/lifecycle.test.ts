import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { childrenOf } from '#test/support/processes.ts';
import { freePorts } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

import { runMillrace, type MillraceRun } from './run-millrace.ts';

/** The system's own Node, as `npm start` finds it first. */
const systemNode = '/usr/bin/node';
const isOld = existsSync(systemNode) && Number.parseInt(execFileSync(systemNode, ['--version'], { encoding: 'utf8' }).slice(1), 10) < 26;

let home: string;
let url: string;
let env: Record<string, string>;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'millrace-lifecycle-'));
  const [http, rtmp] = await freePorts(2);
  url = `http://127.0.0.1:${http}`;
  env = { MILLRACE_HOST: '127.0.0.1', MILLRACE_HTTP_PORT: `${http}`, MILLRACE_RTMP_PORT: `${rtmp}`, MILLRACE_DATA_DIR: join(home, 'data') };
});
afterEach(() => rm(home, { recursive: true, force: true }));

function isReady(): Promise<boolean> {
  return fetch(`${url}/readyz`).then(({ ok }) => ok);
}

/** Waits until the demo is on air, and gives the ids of the server's ffmpeg processes. */
async function demoOnAir(run: MillraceRun): Promise<number[]> {
  await until('the server to be ready', isReady, { deadline: 30_000 });
  await until('the demo to be on air', async () => (await fetch(`${url}/live/demo/master.m3u8`)).ok, { deadline: 30_000 });
  const children = await childrenOf(run.child.pid!, 'ffmpeg');
  expect(children.length).toBeGreaterThan(0);
  return children;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function allGone(pids: readonly number[]): Promise<void> {
  await until('every ffmpeg to be gone', () => !pids.some(isAlive), { deadline: 5000 });
}

describe('the life of the server', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('ends by %s with code 0, and no ffmpeg outlives it', async (signal) => {
    await using run = runMillrace({ env });
    const children = await demoOnAir(run);
    run.child.kill(signal);
    expect(await run.ended).toBe(0);
    await allGone(children);
  });

  test('ends by Ctrl-C, which the terminal sends to its children too, without a word of complaint', async () => {
    await using run = runMillrace({ env, detached: true });
    const children = await demoOnAir(run);
    process.kill(-run.child.pid!, 'SIGINT');
    expect(await run.ended).toBe(0);
    expect(run.stderr()).not.toMatch(/"level":"(warn|error|fatal)"/);
    await allGone(children);
  });

  test('leaves no ffmpeg behind when it is killed', async () => {
    await using run = runMillrace({ env });
    const children = await demoOnAir(run);
    run.child.kill('SIGKILL');
    expect(await run.ended).toBe('SIGKILL');
    await allGone(children);
  });

  test('ends by SIGTERM during its start too', async () => {
    await using run = runMillrace({ env });
    await until('the first line of the log', () => run.stderr().includes('starting'));
    run.child.kill('SIGTERM');
    expect(await run.ended).toBe(0);
    expect(run.stdout()).toBe('');
  });

  test('starts again on the same ports and data folder at once after it was killed', async () => {
    await using first = runMillrace({ env });
    await until('the server to be ready', isReady, { deadline: 30_000 });
    first.child.kill('SIGKILL');
    await first.ended;
    await using second = runMillrace({ env });
    await until('the server to be ready again', isReady, { deadline: 30_000 });
    second.child.kill('SIGTERM');
    expect(await second.ended).toBe(0);
  });

  describe.runIf(isOld)('launched by an older Node', () => {
    test.each([
      ['SIGTERM', 0],
      ['SIGKILL', 'SIGKILL'],
    ] as const)('ends when that one ends by %s', async (signal, code) => {
      await using run = runMillrace({ env, node: systemNode });
      const ffmpegs = await demoOnAir(run);
      // Each line of the log names the process that wrote it.
      const server = Number(/"pid":(\d+)/.exec(run.stderr())?.[1]);
      expect(server).not.toBe(run.child.pid);
      run.child.kill(signal);
      expect(await run.ended).toBe(code);
      await until('the server to be gone', () => !isAlive(server), { deadline: 12_000 });
      await allGone(ffmpegs);
    });
  });
});
