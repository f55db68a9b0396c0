import { describe, expect, test } from 'vitest';

import type { NodeInfo } from '#core/bus/node.ts';
import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { Nodes } from '#core/placement/nodes.ts';

import { edgeNode, ingestNode, transcodeNode } from '../testing/nodes.ts';
import { serveControl } from '../testing/served-control.ts';
import { edgesSchema, ingestsSchema, nodesSchema } from './schemas.ts';

async function among(infos: readonly NodeInfo[], given: Parameters<typeof serveControl>[0] = {}, trustProxy: string | false = false) {
  const bus = createLocalBus();
  infos.forEach((info) => bus.present(info));
  const served = await serveControl(given, { bus, nodes: new Nodes(bus), node: 'own', trustProxy });
  const edgesOf = async (query = '', headers: Record<string, string> = {}) => edgesSchema.parse(await (await served.get(`/api/v1/edges${query}`, { headers })).json()).edges.map(({ node }) => node);
  return { ...served, bus, edgesOf };
}

describe('edges', () => {
  const three = [edgeNode('eu-1', { region: 'eu', load: 0.5 }), edgeNode('us-1', { region: 'us', load: 0.3 }), edgeNode('us-2', { region: 'us', load: 0.9 })];

  test('are listed for everybody, best first', async () => {
    const { get, edgesOf } = await among([...three, ingestNode('in-1'), transcodeNode('t-1', 10)]);
    const response = await get('/api/v1/edges?stream=cam1&region=eu');
    expect([response.headers.get('access-control-allow-origin'), response.headers.get('cache-control')]).toEqual(['*', 'no-store']);
    expect(await response.json()).toEqual({
      edges: [
        { node: 'eu-1', url: 'http://eu-1:8080', region: 'eu', load: 0.5 },
        { node: 'us-1', url: 'http://us-1:8080', region: 'us', load: 0.3 },
        { node: 'us-2', url: 'http://us-2:8080', region: 'us', load: 0.9 },
      ],
      ttl: 10,
    });
    expect(await edgesOf('?region=us')).toEqual(['us-1', 'us-2', 'eu-1']);
    expect(await edgesOf()).toEqual(['us-1', 'eu-1', 'us-2']);
  });

  test('that drain or are gone are not listed, full ones come last', async () => {
    const { bus, edgesOf } = await among(three);
    bus.present(edgeNode('us-1', { region: 'us', load: 1 }));
    expect(await edgesOf('?region=us')).toEqual(['us-2', 'eu-1', 'us-1']);
    bus.present(edgeNode('us-2', { region: 'us', draining: true }));
    expect(await edgesOf('?region=us')).toEqual(['eu-1', 'us-1']);
  });

  test('take turns among equals', async () => {
    const { edgesOf } = await among([edgeNode('a'), edgeNode('b')]);
    const firsts = new Set<string | undefined>();
    await expect.poll(async () => firsts.add((await edgesOf())[0]).size).toBe(2);
  });

  test('are none in a server that stands alone', async () => {
    const { get } = await serveControl();
    expect(await (await get('/api/v1/edges')).json()).toEqual({ edges: [], ttl: 10 });
    expect(await (await get('/api/v1/ingests')).json()).toEqual({ ingests: [], ttl: 10 });
  });

  test('with an address that is none are left out', async () => {
    const { edgesOf } = await among([edgeNode('a'), edgeNode('b', { url: 'nonsense' })]);
    expect(await edgesOf()).toEqual(['a']);
  });
});

describe('the region of who asks', () => {
  const two = [edgeNode('eu-1', { region: 'eu' }), edgeNode('us-1', { region: 'us', load: 0.3 })];

  test('is what a trusted proxy says, after what the query says', async () => {
    const { edgesOf } = await among(two, { regionHeader: 'x-region' }, 'loopback');
    expect(await edgesOf()).toEqual(['eu-1', 'us-1']);
    expect(await edgesOf('', { 'X-Region': 'us' })).toEqual(['us-1', 'eu-1']);
    expect(await edgesOf('?region=eu', { 'X-Region': 'us' })).toEqual(['eu-1', 'us-1']);
    expect(await edgesOf('', { 'X-Region': '"; DROP' })).toEqual(['eu-1', 'us-1']);
  });

  test.each([
    ['no proxy is trusted', { regionHeader: 'x-region' }, false],
    ['another proxy is trusted', { regionHeader: 'x-region' }, '192.0.2.1'],
    ['no header is configured', {}, 'loopback'],
  ] as const)('is not what a header says where %s', async (_what, given, trustProxy) => {
    const { edgesOf } = await among(two, given, trustProxy);
    expect(await edgesOf('', { 'X-Region': 'us' })).toEqual(['eu-1', 'us-1']);
  });
});

test('ingests with room are listed for everybody, best first', async () => {
  const { get } = await among([ingestNode('busy', { publishers: 1, region: 'eu' }), ingestNode('full', { publishers: 2 }), ingestNode('idle', { whip: false }), ingestNode('leaving', { draining: true }), edgeNode('e')]);
  const listOf = async (query: string) => ingestsSchema.parse(await (await get(`/api/v1/ingests${query}`)).json()).ingests;
  expect(await listOf('')).toEqual([
    { node: 'idle', url: 'http://idle:8080', region: null, whip: false, rtmp: 'rtmp://idle:1935/live' },
    { node: 'busy', url: 'http://busy:8080', region: 'eu', whip: true, rtmp: 'rtmp://busy:1935/live' },
  ]);
  expect((await listOf('?region=eu')).map(({ node }) => node)).toEqual(['busy', 'idle']);
});

test('the token\'s holder sees every process', async () => {
  const { getWithToken } = await among([edgeNode('e', { region: 'eu', archive: true }), ingestNode('i', { draining: true }), { ...transcodeNode('t', 10), transcode: { megapixelsPerSecond: Number.NaN, budget: 1.2345, used: 0, broadcasts: 0, cores: 2 } }]);
  const common = { version: '1.2.3', startedAt: '1970-01-01T00:00:00.000Z', region: null, draining: false, ingest: null, transcode: null, edge: null };
  expect(nodesSchema.parse(await (await getWithToken('/api/v1/nodes')).json())).toEqual({
    nodes: [
      { ...common, node: 'e', roles: ['edge'], region: 'eu', url: 'http://e:8080', edge: { viewers: { hls: 1, dash: 0, webrtc: 2 }, load: 0, whep: true, archive: true } },
      { ...common, node: 'i', roles: ['ingest'], url: 'http://i:8080', draining: true, ingest: { publishers: 0, maxPublishers: 2, rtmp: 'rtmp://i:1935/live', whip: true } },
      { ...common, node: 't', roles: ['transcode'], url: null, transcode: { megapixelsPerSecond: 0, budget: 1.23, used: 0, broadcasts: 0, cores: 2 } },
    ],
  });
});
