import { createServer, type AddressInfo, type Server } from 'node:net';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { startThrottle, type Throttle } from './throttle.ts';

/** Asks for bytes and tells how many came and how long it took. */
function download(port: number): Promise<{ bytes: number; seconds: number }> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    let bytes = 0;
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write('go'));
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.byteLength;
    });
    socket.on('end', () => resolve({ bytes, seconds: (performance.now() - began) / 1000 }));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('cut')));
  });
}

describe('the throttle', () => {
  let server: Server;
  let throttle: Throttle;

  beforeEach(async () => {
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(Buffer.alloc(125_000)));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    throttle = await startThrottle((server.address() as AddressInfo).port);
  });

  afterEach(async () => {
    await throttle.close();
    server.close();
  });

  it('passes everything on, at no more than its rate', async () => {
    throttle.setRate(2_000_000);
    const { bytes, seconds } = await download(throttle.port);
    expect(bytes).toBe(125_000);
    // One megabit at two megabits a second; a slow machine may take longer, a working throttle never less.
    expect(seconds).toBeGreaterThan(0.45);
  });

  it('shares one rate among connections', async () => {
    throttle.setRate(4_000_000);
    const both = await Promise.all([download(throttle.port), download(throttle.port)]);
    expect(Math.max(...both.map(({ seconds }) => seconds))).toBeGreaterThan(0.45);
  });

  it('cuts connections and refuses new ones until it is restored', async () => {
    throttle.cut();
    await expect(download(throttle.port)).rejects.toThrow();
    throttle.restore();
    expect((await download(throttle.port)).bytes).toBe(125_000);
  });
});
