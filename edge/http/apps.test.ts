import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';

import express from 'express';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';

import { appRunner } from './apps.ts';

/** Sends raw bytes and returns all that comes back. */
function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.end(text));
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}

describe('apps', () => {
  it.each(['HTTP/1.0', 'HTTP/1.1', 'HTTP/2.0'])('answer a plain connection whose request line claims %s', async (version) => {
    const router = express.Router().get('/hello', (_request, response) => void response.send('here'));
    const run = appRunner([router], { trustProxy: false, log: pino({ level: 'silent' }) });
    const server = createServer((request, response) => run(request, response, () => response.writeHead(404).end('nothing')));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const ask = (path: string): Promise<string> => exchange(port, `GET ${path} ${version}\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    expect(await ask('/hello')).toMatch(/ 200 OK\r\n[^]*here/);
    expect(await ask('/nowhere')).toMatch(/ 404 Not Found\r\n[^]*nothing/);
    await new Promise((resolve) => server.close(resolve));
  });
});
