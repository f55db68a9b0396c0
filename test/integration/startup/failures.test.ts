import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { until } from '#test/support/until.ts';

import { runMillrace, type RunOptions } from './run-millrace.ts';

let home: string;
let taken: Server;
let takenPort: number;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'millrace-startup-'));
  await chmod(home, 0o755);
  taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  takenPort = (taken.address() as AddressInfo).port;
});

afterEach(async () => {
  await new Promise((resolve) => taken.close(resolve));
  await rm(home, { recursive: true, force: true });
});

/** Starts with ports of the system's choice and a data folder of its own; gives the sentence of the failure. */
async function failureOf(options: RunOptions): Promise<string> {
  const env = { MILLRACE_HOST: '127.0.0.1', MILLRACE_HTTP_PORT: '0', MILLRACE_RTMP_PORT: '0', MILLRACE_DATA_DIR: join(home, 'data'), MILLRACE_LOG_LEVEL: 'error', ...options.env };
  await using run = runMillrace({ ...options, env });
  expect(await run.ended).toBe(1);
  expect(run.stdout()).toBe('');
  expect(run.stderr()).not.toMatch(/^\s+at /m);
  return run.stderr();
}

/** A program that says it is an ffmpeg of some version. */
async function fakeFfmpeg(version: string): Promise<string> {
  const path = join(home, 'ffmpeg');
  await writeFile(path, `#!/bin/sh\necho "ffmpeg version ${version} Copyright (c) the FFmpeg developers"\n`, { mode: 0o755 });
  return path;
}

describe('a start that fails says in one sentence what to do, and exits with 1:', () => {
  test.each([
    ['RTMP', 'MILLRACE_RTMP_PORT', '--rtmp-port'],
    ['HTTP', 'MILLRACE_HTTP_PORT', '--http-port'],
  ])('the %s port is in use', async (what, variable, flag) => {
    expect(await failureOf({ env: { [variable]: `${takenPort}` } })).toBe(
      `millrace: Port ${takenPort} (${what}) is in use by another program: stop that program, or choose another port by ${variable} or ${flag}.\n`,
    );
  });

  test('an address that this machine has not', async () => {
    expect(await failureOf({ env: { MILLRACE_HOST: '192.0.2.1' } })).toMatch(/^millrace: 192\.0\.2\.1 is no address of this machine: set MILLRACE_HOST .*\.\n$/);
  });

  test('no write access to the data folder', async () => {
    const closed = join(home, 'closed');
    await mkdir(closed, { mode: 0o555 });
    // Root may write everywhere: it lets somebody else try.
    const uid = process.getuid?.() === 0 ? { uid: 65_534 } : {};
    const sentence = await failureOf({ ...uid, env: { MILLRACE_DATA_DIR: join(closed, 'data') } });
    expect(sentence).toMatch(/^millrace: The data folder \S+ cannot be written to \(permission denied\): give \S+ write access to it, or name another by MILLRACE_DATA_DIR or --data-dir\.\n$/);
  });

  test.runIf(process.platform === 'linux')('another server uses the data folder', async () => {
    const env = { MILLRACE_HOST: '127.0.0.1', MILLRACE_HTTP_PORT: '0', MILLRACE_RTMP_PORT: '0', MILLRACE_DATA_DIR: join(home, 'data'), MILLRACE_DEMO: 'off' };
    await using first = runMillrace({ env });
    await until('the first server to be ready', () => first.stdout().includes('is ready'));
    expect(await failureOf({})).toBe(
      `millrace: The data folder ${join(home, 'data')} is in use by another Millrace: stop that one, or name another folder by MILLRACE_DATA_DIR or --data-dir.\n`,
    );
  });

  test('ffmpeg is missing', async () => {
    expect(await failureOf({ env: { MILLRACE_FFMPEG_PATH: join(home, 'nowhere') } })).toMatch(/^millrace: .*nowhere.*install ffmpeg 5\.1 or newer.*\n$/);
  });

  test('ffmpeg is too old', async () => {
    expect(await failureOf({ env: { MILLRACE_FFMPEG_PATH: await fakeFfmpeg('4.4.2-0ubuntu0.22.04.1') } })).toMatch(/^millrace: ffmpeg 4\.4\.2\S* is too old: install ffmpeg 5\.1 or newer.*\n$/);
  });

  test('ffmpeg is something else', async () => {
    const path = join(home, 'other');
    await writeFile(path, '#!/bin/sh\necho hello\n', { mode: 0o755 });
    expect(await failureOf({ env: { MILLRACE_FFMPEG_PATH: path } })).toMatch(/^millrace: .*is not ffmpeg.*\n$/);
  });

  test('bad options, all of them at once', async () => {
    const file = join(home, 'millrace.yaml');
    await writeFile(file, 'httpPrt: 80\ndemo: perhaps\n');
    const [first, ...problems] = (await failureOf({ args: ['up', '--config', file, '--rtmp-port', 'many'] })).trimEnd().split('\n');
    expect(first).toBe('millrace: The configuration is not valid:');
    expect(new Set(problems)).toEqual(
      new Set([
        `  - httpPrt (in ${file}): there is no such option. Did you mean httpPort?`,
        '  - --rtmp-port: must be a number (is "many")',
        '  - demo: must be on or off (is "perhaps")',
      ]),
    );
  });

  test('a stream key that is none, without a word of it', async () => {
    const sentence = await failureOf({ env: { MILLRACE_STREAM_KEYS: 'main_tooshort' } });
    expect(sentence).toMatch(/^millrace: .*stream key.*\n$/s);
    expect(sentence).not.toContain('tooshort');
  });

  test.each([
    [{ args: ['--config', '/nowhere/millrace.yaml'] }, /^millrace: The configuration file \/nowhere\/millrace\.yaml cannot be read: it does not exist\.\n$/],
    [{ args: ['upp'] }, /^millrace: There is no command `upp`; did you mean `up`\. .*\n$/],
    [{ args: ['edge'] }, /^millrace: `millrace edge` is one process of several, which NATS joins: name its servers by MILLRACE_NATS_URL, .*\n$/],
    [{ args: ['edge'], env: { MILLRACE_NATS_URL: 'nats://127.0.0.1:1' } }, /^millrace: .*127\.0\.0\.1:1.*\n$/],
    [{ env: { MILLRACE_TLS_CERT: '/nowhere/cert.pem', MILLRACE_TLS_KEY: '/nowhere/key.pem' } }, /^millrace: .*\/nowhere\/cert\.pem.*\n$/],
    [{ env: { MILLRACE_TLS_CERT: '/nowhere/cert.pem' } }, /^millrace: .*tlsKey.*\n$/],
  ])('%o', async (options, sentence) => {
    expect(await failureOf(options)).toMatch(sentence);
  });
});

describe('the command line', () => {
  test('prints help with every command and option, and the version', async () => {
    await using help = runMillrace({ args: ['--help'] });
    expect(await help.ended).toBe(0);
    expect(help.stdout()).toMatch(/^Usage: millrace/);
    for (const word of ['up', 'transcode', '--rtmp-port', '--http-port', '--ladder', '--demo']) {
      expect(help.stdout()).toContain(word);
    }
    await using version = runMillrace({ args: ['--version'] });
    expect(await version.ended).toBe(0);
    expect(version.stdout()).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
