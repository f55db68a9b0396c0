import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';

import { wallTime } from '../../media/time.ts';
import { createLog } from '../../runtime/log.ts';
import { MillraceError } from '../../runtime/errors.ts';
import { connectNats, type NatsOptions } from './connect.ts';
import { makeCertificates, makeCreds, makeNkey } from './testing/credentials.ts';
import { freePort, startNatsServer, type NatsServerOptions, type TestNatsServer } from './testing/nats-server.ts';

const { log } = createLog({ level: 'silent' });
const folder = mkdtempSync(join(tmpdir(), 'nats-credentials-'));
const nkey = makeNkey(folder);
const creds = makeCreds(folder);
const certificates = makeCertificates(folder);
const servers: TestNatsServer[] = [];

afterEach(() => Promise.all(servers.splice(0).map((server) => server.stop())));
afterAll(() => rmSync(folder, { recursive: true }));

async function start(options: NatsServerOptions = {}): Promise<TestNatsServer> {
  const server = await startNatsServer(options);
  servers.push(server);
  return server;
}

/** `connected`, or the code of the error and its sentence. */
async function outcome(options: Omit<NatsOptions, 'node' | 'log'>): Promise<string> {
  try {
    const bus = await connectNats({ ...options, node: 'test', log });
    const lease = await bus.lease('works');
    lease.release();
    await bus.close();
    return 'connected';
  } catch (error) {
    expect(error).toBeInstanceOf(MillraceError);
    const { code, message } = error as MillraceError;
    return `${code}: ${message}`;
  }
}

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe('connecting to NATS', () => {
  it('shows who it is by user and password', async () => {
    const { url } = await start({ config: 'authorization { user: "mill", password: "p@ss/word" }' });
    expect(await outcome({ url, user: 'mill', password: 'p@ss/word' })).toBe('connected');
    expect(await outcome({ url: url.replace('//', '//mill:p%40ss%2Fword@') })).toBe('connected');
    const refused = /^nats\/unauthorized: the NATS server at 127\.0\.0\.1:\d+ refuses who this process says it is: check user and password/;
    expect(await outcome({ url, user: 'mill', password: 'wrong' })).toMatch(refused);
    expect(await outcome({ url })).toMatch(refused);
  });

  it('needs no more than it says it needs', async () => {
    const permissions = 'permissions: { publish: ["millrace.>", "$KV.>", "$JS.API.>", "$JS.FC.>", "_INBOX.>"], subscribe: ["millrace.>", "_INBOX.>"] }';
    const { url } = await start({ config: `authorization { users: [ { user: "mill", password: "x", ${permissions} } ] }` });
    const given = { url, user: 'mill', password: 'x', log };
    const [near, far] = await Promise.all([connectNats({ ...given, node: 'near' }), connectNats({ ...given, node: 'far' })]);
    near.serve('question', () => 'answer');
    near.present({ node: 'near', roles: [], version: '1', startedAt: wallTime(0), draining: false });
    await near.shared.put('key', 1);
    await vi.waitFor(async () => expect(await far.request('question', {})).toBe('answer'), 5000);
    expect(await far.shared.get('key')).toBe(1);
    await vi.waitFor(() => {
      const nodes: string[] = [];
      far.onNode((node) => nodes.push(node))();
      expect(nodes).toEqual(['near']);
    }, 5000);
    expect(await far.tryLease('lease')).toBeDefined();
    await Promise.all([near.close(), far.close()]);
  });

  it('shows who it is by a token', async () => {
    const { url } = await start({ config: 'authorization { token: "secret" }' });
    expect(await outcome({ url, token: 'secret' })).toBe('connected');
    expect(await outcome({ url: url.replace('//', '//secret@') })).toBe('connected');
    expect(await outcome({ url, token: 'wrong' })).toMatch(/^nats\/unauthorized: /);
  });

  it('shows who it is by an NKEY', async () => {
    const { url } = await start({ config: `authorization { users: [ { nkey: ${nkey.publicKey} } ] }` });
    expect(await outcome({ url, nkey: nkey.file })).toBe('connected');
    expect(await outcome({ url, nkey: makeNkey(mkdtempSync(join(folder, 'other-'))).file })).toMatch(/^nats\/unauthorized: /);
    expect(await outcome({ url, nkey: file('bad.nk', 'SUNONSENSE') })).toMatch(/^nats\/credentials: .*bad\.nk holds no seed of an NKEY/);
    expect(await outcome({ url, nkey: join(folder, 'missing.nk') })).toMatch(/^nats\/credentials: the NKEY of NATS cannot be read: .*no such file/);
  });

  it('shows who it is by a credentials file', async () => {
    const { url } = await start({ config: creds.config });
    expect(await outcome({ url, creds: creds.file })).toBe('connected');
    expect(await outcome({ url, creds: makeCreds(mkdtempSync(join(folder, 'other-'))).file })).toMatch(/^nats\/unauthorized: /);
    expect(await outcome({ url, creds: file('bad.creds', 'nothing') })).toMatch(/^nats\/credentials: .*bad\.creds holds no JWT and seed/);
  });

  it('speaks TLS, and shows its certificate', async () => {
    const { ca, server, client } = certificates;
    const { url } = await start({ config: `tls { cert_file: "${server.cert}", key_file: "${server.key}", ca_file: "${ca}", verify: true }` });
    expect(await outcome({ url: url.replace('nats:', 'tls:'), tls: { ca, ...client } })).toBe('connected');
    expect(await outcome({ url, tls: { ca, ...client } })).toBe('connected');
    expect(await outcome({ url, tls: client })).toMatch(/^nats\/tls: no TLS connection to the NATS server at .*: /);
    expect(await outcome({ url, tls: { ca } })).toMatch(/^nats\/(tls|unreachable): /);
    expect(await outcome({ url, tls: { ca, cert: client.cert } })).toMatch(/^nats\/tls: a certificate for NATS needs its key/);
    expect(await outcome({ url, tls: { ca: join(folder, 'missing.pem') } })).toMatch(/^nats\/tls: a file for TLS to NATS cannot be read/);
  });

  it('wants TLS where it is asked for, and says so where the server has none', async () => {
    const { url } = await start();
    expect(await outcome({ url: url.replace('nats:', 'tls:') })).toMatch(/^nats\/tls: /);
  });

  it('says where nobody answers, and takes any of several servers', async () => {
    const away = `nats://127.0.0.1:${await freePort()}`;
    expect(await outcome({ url: away })).toMatch(/^nats\/unreachable: no NATS server answers at 127\.0\.0\.1:\d+: /);
    const { url } = await start();
    expect(await outcome({ url: `${away}, ${url}` })).toBe('connected');
    expect(await outcome({ url: 'http://x' })).toMatch(/^nats\/address: an address of a NATS server looks like/);
    expect(await outcome({ url: ' , ' })).toMatch(/^nats\/address: /);
  });

  it('says that it needs JetStream', async () => {
    const { url } = await start({ jetstream: false });
    expect(await outcome({ url })).toMatch(/^nats\/no-jetstream: the NATS server .* has no JetStream for this account/);
  });

  it('says that there are not enough servers to keep what it writes', { timeout: 20_000 }, async () => {
    const { url } = await start();
    expect(await outcome({ url, replicas: 3 })).toMatch(/^nats\/no-jetstream: NATS does not give Millrace its key-value buckets: .*replicas/);
  });

  it('makes its buckets once, whoever comes first', async () => {
    const server = await start();
    expect(await Promise.all(Array.from({ length: 8 }, () => outcome({ url: server.url })))).toEqual(Array(8).fill('connected'));
    const { streams } = (await server.monitor('/jsz')) as { readonly streams: number };
    expect(streams).toBe(5);
  });

  it('leaves no connection behind', async () => {
    const server = await start();
    await outcome({ url: server.url });
    expect(((await server.monitor('/connz')) as { readonly num_connections: number }).num_connections).toBe(0);
  });
});
