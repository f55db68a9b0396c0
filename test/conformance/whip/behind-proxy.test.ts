import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type ClientHttp2Session } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { offerText } from '#core/rtc/sdp/testing/offers.ts';
import { freePorts, startServer, type TestServer } from '#test/support/server.ts';
import { ask, created } from './ask.ts';

/** A server whose public URL has a base path, over HTTP/1.1 and, with TLS, over HTTP/2. */
const keys = ['cam1_conformance-0123456789', 'cam2_conformance-0123456789', 'cam3_conformance-0123456789'] as const;
let home = '';
let server: TestServer | undefined;
let session: ClientHttp2Session | undefined;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'millrace-whip-'));
  const [tlsKey, tlsCert] = [join(home, 'key.pem'), join(home, 'cert.pem')];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1', '-subj', '/CN=localhost', '-keyout', tlsKey, '-out', tlsCert], { stdio: 'ignore' });
  const [httpsPort, rtmpsPort] = await freePorts(2);
  server = await startServer({ config: { streamKeys: keys, publicUrl: 'https://live.example.com/tv', tlsCert, tlsKey, httpsPort, rtmpsPort } });
  session = connect(`https://127.0.0.1:${httpsPort}`, { rejectUnauthorized: false });
});

afterAll(async () => {
  session?.close();
  await server?.[Symbol.asyncDispose]();
  await rm(home, { recursive: true, force: true });
});

const fields = (key: string) => ({ 'content-type': 'application/sdp', 'authorization': `Bearer ${key}` });

test.each([['keeps', '/tv', keys[0]], ['strips', '', keys[1]]] as const)('behind a proxy that %s the base path, Location leads through it', async (_, path, key) => {
  const url = server?.url ?? '';
  const answer = created(await ask('POST', `${url}${path}/whip`, { body: offerText('obs-30-whip'), headers: fields(key) }), url);
  expect(answer.headers.get('location')).toMatch(/^\/tv\/whip\/cam\d\/[A-Za-z0-9_-]+$/);
  expect((await ask('DELETE', `${url}${path}${new URL(answer.url).pathname.slice('/tv'.length)}`)).status).toBe(200);
});

test('over HTTP/2 a session lives as over HTTP/1.1', async () => {
  const answered = async (method: string, path: string, headers: Record<string, string> = {}, body?: string) => {
    const stream = session!.request({ ':method': method, ':path': path, ...headers }, { endStream: body === undefined });
    stream.end(body);
    const head = await new Promise<Record<string, unknown>>((resolve, reject) => stream.once('response', resolve).once('error', reject));
    const chunks = await stream.toArray() as Buffer[];
    return { head, body: Buffer.concat(chunks).toString() };
  };
  const { head, body } = await answered('POST', '/tv/whip', fields(keys[2]), offerText('obs-30-whip'));
  expect(head).toMatchObject({ ':status': 201, 'content-type': 'application/sdp', 'etag': expect.stringMatching(/^"/) as unknown });
  expect(body).toMatch(/^v=0\r\n/);
  const location = String(head['location']);
  const restart = await answered('PATCH', location, { 'content-type': 'application/trickle-ice-sdpfrag', 'if-match': '*' }, 'a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdef012345\r\n');
  expect([restart.head[':status'], restart.body.startsWith('a=ice-lite\r\n')]).toEqual([200, true]);
  expect((await answered('OPTIONS', location, { 'access-control-request-method': 'DELETE' })).head[':status']).toBe(204);
  expect((await answered('DELETE', location)).head[':status']).toBe(200);
  expect((await answered('HEAD', location)).head[':status']).toBe(404);
  expect((await answered('POST', '/tv/whip', { 'content-type': 'application/sdp' }, 'v=0')).head).toMatchObject({ ':status': 401, 'www-authenticate': 'Bearer realm="millrace"' });
});
