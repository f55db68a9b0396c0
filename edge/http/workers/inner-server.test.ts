import { request } from 'node:http';

import { afterEach, expect, it } from 'vitest';

import { openInnerServer, VIEWER_HEADER, type InnerServer } from './inner-server.ts';

let server: InnerServer | undefined;

afterEach(() => server?.close());

const addresses: (string | undefined)[] = [];

async function open(): Promise<InnerServer> {
  addresses.length = 0;
  server = await openInnerServer((asked, response) => {
    addresses.push(asked.socket.remoteAddress);
    response.end(asked.headers[VIEWER_HEADER] ?? 'nothing told');
  });
  return server;
}

function ask(socketPath: string, headers: Record<string, string | string[]>): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, headers, agent: false }, (answer) => void answer.toArray().then((chunks) => resolve(Buffer.concat(chunks as Buffer[]).toString()), reject));
    asked.on('error', reject);
    asked.end();
  });
}

it('takes a request for that of the viewer whom the worker names, and hands the secret to nobody', async () => {
  const { door } = await open();
  expect(await ask(door.path, { [VIEWER_HEADER]: `${door.secret} 203.0.113.9 http` })).toBe('nothing told');
  expect(addresses).toEqual(['203.0.113.9']);
});

it.each([
  ['without a secret', () => ({})],
  ['with another one', () => ({ [VIEWER_HEADER]: `${'x'.repeat(32)} 203.0.113.9 http` })],
  ['with a secret that is too short', (secret: string) => ({ [VIEWER_HEADER]: `${secret.slice(1)} 203.0.113.9 http` })],
  ['with two of them', (secret: string) => ({ [VIEWER_HEADER]: [`wrong 203.0.113.9 http`, `${secret} 203.0.113.9 http`] })],
  ['with nothing but the secret', (secret: string) => ({ [VIEWER_HEADER]: secret })],
])('hangs up on who comes %s', async (_how, headers) => {
  const { door } = await open();
  await expect(ask(door.path, headers(door.secret))).rejects.toThrow(/socket hang up|ECONNRESET/);
  expect(addresses).toEqual([]);
});

it('is gone when it is closed, with every connection', async () => {
  const { door, close } = await open();
  const held = ask(door.path, { [VIEWER_HEADER]: `${door.secret} 203.0.113.9 http` });
  await held;
  await close();
  await close();
  await expect(ask(door.path, {})).rejects.toThrow('ECONNREFUSED');
});
