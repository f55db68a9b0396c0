import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

import { describe, expect, test } from 'vitest';

import { MillraceError } from '#core/runtime/errors.ts';

import { explainStartupFailure, isExpected } from './startup-failure.ts';

/** The error of a real `listen()`. */
function listenError(port: number, host: string): Promise<Error> {
  return new Promise((resolve) => createServer().on('error', resolve).listen(port, host));
}

describe('a start that failed', () => {
  test('for a port in use says which, and how to choose another', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    const error = await listenError(port, '127.0.0.1');
    const sentence = `Port ${port} (RTMP) is in use by another program: stop that program, or choose another port by MILLRACE_RTMP_PORT or --rtmp-port.`;
    expect(explainStartupFailure(error, { httpPort: 1, rtmpPort: port })).toBe(sentence);
    expect(explainStartupFailure(new MillraceError('edge/listen', 'wrapped', { cause: error }), { rtmpPort: port })).toBe(sentence);
    expect(explainStartupFailure(error)).toMatch(/^Port \d+ is in use by another program: stop that program, or choose another port\.$/);
    expect(isExpected(error)).toBe(true);
    taken.close();
  });

  test('for an address that this machine has not says so', async () => {
    const error = await listenError(0, '192.0.2.1');
    expect(explainStartupFailure(error, { host: '192.0.2.1' })).toBe('192.0.2.1 is no address of this machine: set MILLRACE_HOST or --host to one that is, or to :: for all.');
  });

  test('for a port that needs root says so', () => {
    const error = Object.assign(new Error('listen EACCES'), { code: 'EACCES', syscall: 'listen', port: 80 });
    expect(explainStartupFailure(error, { httpPort: 80 })).toBe('Port 80 (HTTP) may not be opened by this user: ports below 1024 need root, so choose another port by MILLRACE_HTTP_PORT or --http-port.');
  });

  test('for a reason that we know is told as it is, and anything else is a fault of ours', () => {
    expect(explainStartupFailure(new MillraceError('transcode/ffmpeg-missing', 'Install ffmpeg.'))).toBe('Install ffmpeg.');
    expect(isExpected(new MillraceError('x/y', 'z'))).toBe(true);
    expect(isExpected(new TypeError('x is undefined'))).toBe(false);
  });
});
