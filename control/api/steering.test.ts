import { expect, test } from 'vitest';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { Nodes } from '#core/placement/nodes.ts';

import { broadcastInfo, ladderCatalog } from '../testing/broadcasts.ts';
import { edgeNode } from '../testing/nodes.ts';
import { serveControl } from '../testing/served-control.ts';
import { steeringManifestSchema } from './schemas.ts';

async function amongTwo() {
  const bus = createLocalBus();
  [edgeNode('edge-1'), edgeNode('edge-2', { region: 'eu', load: 0.3 })].forEach((info) => bus.present(info));
  const served = await serveControl({}, { bus, nodes: new Nodes(bus), node: 'edge-1' });
  bus.announce(broadcastInfo());
  bus.putCatalog(broadcastInfo().broadcast, 'ladder', ladderCatalog());
  const steer = async (query: string) => steeringManifestSchema.parse(await (await served.get(`/api/v1/steering/cam1${query}`)).json());
  return { ...served, steer };
}

test('players of any origin are steered, each answer anew', async () => {
  const { get } = await amongTwo();
  const response = await get('/api/v1/steering/cam1?_HLS_pathway=edge-1&_HLS_throughput=5000000');
  expect([response.status, response.headers.get('access-control-allow-origin'), response.headers.get('cache-control')]).toEqual([200, '*', 'no-store']);
});

test('players of HLS get the renditions of the broadcast on air', async () => {
  const { steer } = await amongTwo();
  const manifest = await steer('?_HLS_pathway=edge-1');
  expect(manifest['PATHWAY-PRIORITY']).toEqual(['edge-1', 'edge-2']);
  expect(manifest['PATHWAY-CLONES']?.[0]?.['URI-REPLACEMENT']).toEqual({
    'HOST': 'edge-2',
    'PER-VARIANT-URIS': { video: 'http://edge-2:8080/live/cam1/broadcast1/video/index.m3u8', v360: 'http://edge-2:8080/live/cam1/broadcast1/v360/index.m3u8' },
    'PER-RENDITION-URIS': { audio: 'http://edge-2:8080/live/cam1/broadcast1/audio/index.m3u8' },
  });
});

test('players of DASH say what they use in quotes', async () => {
  const { steer } = await amongTwo();
  const manifest = await steer(`?base=edge-1&_DASH_pathway=${encodeURIComponent('"edge-2,edge-1"')}&_DASH_throughput=1,2`);
  expect(manifest['PATHWAY-PRIORITY']).toEqual(['edge-2', 'edge-1']);
  expect(manifest['PATHWAY-CLONES']).toContainEqual({ 'BASE-ID': 'edge-1', 'ID': 'edge-2', 'URI-REPLACEMENT': { HOST: 'edge-2:8080' } });
});

test('a region counts, and nonsense does not', async () => {
  const { steer } = await amongTwo();
  expect((await steer('?_HLS_pathway=edge-1&region=eu'))['PATHWAY-PRIORITY']).toEqual(['edge-2', 'edge-1']);
  const manifest = await steer(`?_HLS_pathway=${encodeURIComponent('<script>,')}${'x,'.repeat(1_000)}&token=${encodeURIComponent('../..')}&base=%00`);
  expect(manifest['RELOAD-URI']).toMatch(/^http:\/\/edge-[12]:8080\/api\/v1\/steering\/cam1\?base=x$/);
  expect(JSON.stringify(manifest)).not.toMatch(/script|\.\./);
});

test('a token that paths of media would not take is not repeated, however long', async () => {
  const { steer } = await amongTwo();
  expect(JSON.stringify(await steer(`?_HLS_pathway=edge-1&token=${'x'.repeat(2048)}`))).toContain('xxxx');
  for (const token of ['x'.repeat(2049), 'x=', 'x%2B']) {
    expect((await steer(`?_HLS_pathway=edge-1&token=${token}`))['RELOAD-URI']).not.toContain('token');
  }
});

test('a server that stands alone steers to itself', async () => {
  const { get } = await serveControl();
  expect(await (await get('/api/v1/steering/cam1?_HLS_pathway=.')).json()).toEqual({ 'VERSION': 1, 'TTL': 10, 'RELOAD-URI': '/api/v1/steering/cam1?base=.', 'PATHWAY-PRIORITY': ['.'] });
});
