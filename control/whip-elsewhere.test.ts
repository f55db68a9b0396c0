import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { describe, expect, onTestFinished, test } from 'vitest';

import type { NodeInfo } from '#core/bus/node.ts';
import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { Nodes } from '#core/placement/nodes.ts';

import { errorSchema } from './api/schemas.ts';
import { edgeNode, ingestNode } from './testing/nodes.ts';
import { whipElsewhere } from './whip-elsewhere.ts';

const KEY = 'cam1_abcdefghijklmnop';

async function serve(infos: readonly NodeInfo[], more: { region?: string; basePath?: string } = {}) {
  const bus = createLocalBus();
  infos.forEach((info) => bus.present(info));
  const handler = whipElsewhere({ nodes: new Nodes(bus), node: 'edge-1', ...more });
  const server = createServer((request, response) => handler(request, response, () => response.writeHead(299).end())).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await bus.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const ask = (path: string, init: RequestInit = {}): Promise<Response> => fetch(url + path, { redirect: 'manual', ...init });
  const publish = (path: string): Promise<Response> => ask(path, { method: 'POST', headers: { 'Content-Type': 'application/sdp', 'Authorization': `Bearer ${KEY}` }, body: 'v=0\r\n' });
  return { ask, publish };
}

describe('WHIP at a node without ingest', () => {
  test.each([
    ['/whip', 'http://in-1:8080/whip?via=edge-1'],
    ['/whip/cam1', 'http://in-1:8080/whip/cam1?via=edge-1'],
    [`/whip/${KEY}`, `http://in-1:8080/whip/${KEY}?via=edge-1`],
    ['/whip/cam1?a=b', 'http://in-1:8080/whip/cam1?a=b&via=edge-1'],
    ['/tv/whip/cam1', 'http://in-1:8080/whip/cam1?via=edge-1'],
  ])('%s is sent on to an ingest', async (path, location) => {
    const { publish } = await serve([edgeNode('edge-1'), ingestNode('in-1'), ingestNode('full', { publishers: 2 }), ingestNode('rtmp', { whip: false })], { basePath: '/tv' });
    const answer = await publish(path);
    expect([answer.status, answer.headers.get('location')]).toEqual([307, location]);
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    expect(answer.headers.get('access-control-expose-headers')).toContain('Location');
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  test('ingests of the same region come first', async () => {
    const { publish } = await serve([ingestNode('a', { region: 'us' }), ingestNode('b', { region: 'eu', publishers: 1 })], { region: 'eu' });
    expect((await publish('/whip')).headers.get('location')).toBe('http://b:8080/whip?via=edge-1');
  });

  test.each([
    ['who was sent here already', '/whip?via=in-1', [ingestNode('in-1')]],
    ['where no ingest is known', '/whip', [edgeNode('edge-1')]],
    ['where all are full or leave', '/whip', [ingestNode('a', { publishers: 2 }), ingestNode('b', { draining: true })]],
    ['where the only one is itself', '/whip', [ingestNode('edge-1')]],
  ])('%s is told to come back later', async (_who, path, infos) => {
    const { publish } = await serve(infos);
    const answer = await publish(path);
    expect([answer.status, answer.headers.get('retry-after'), answer.headers.get('location')]).toEqual([503, '5', null]);
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    expect(errorSchema.parse(await answer.json()).code).toBe('publish/no-ingest');
  });

  test('a preflight is answered here, for the request that is sent on', async () => {
    const { ask } = await serve([ingestNode('in-1')]);
    const answer = await ask('/whip/cam1', { method: 'OPTIONS', headers: { 'Access-Control-Request-Method': 'POST' } });
    expect(answer.status).toBe(204);
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    expect(answer.headers.get('access-control-allow-headers')).toContain('Authorization');
    expect(answer.headers.get('accept-post')).toBe('application/sdp');
  });

  test.each([
    ['GET', '/whip', 204, null],
    ['PUT', '/whip', 405, 'OPTIONS, GET, HEAD, POST'],
    ['DELETE', `/whip/cam1/${'x'.repeat(32)}`, 404, null],
    ['POST', '/whip/no/such/thing', 404, null],
    ['POST', '/whipped', 299, null],
  ])('%s %s is answered with %i', async (method, path, status, allow) => {
    const { ask } = await serve([ingestNode('in-1')]);
    const answer = await ask(path, { method });
    expect([answer.status, answer.headers.get('allow')]).toEqual([status, allow]);
  });
});
