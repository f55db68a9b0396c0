import { describe, expect, test } from 'vitest';

import { broadcastId } from '#core/media/frame.ts';

import { edgeNode, ingestNode } from '../testing/nodes.ts';
import { steeringManifest, type Steering } from './manifest.ts';

const onAir = { broadcast: broadcastId('broadcast1'), video: ['video', 'v360'], audio: ['audio'] };
const two = [edgeNode('edge-1', { load: 0.5 }), edgeNode('edge-2'), ingestNode('in-1')];

function steer(given: Partial<Steering> = {}) {
  return steeringManifest({ nodes: two, own: 'edge-1', stream: 'demo', onAir, player: 'hls', pathways: ['edge-1'], base: undefined, region: undefined, token: undefined, basePath: '/tv', spread: 0, ...given });
}

const priorityOf = (given: Partial<Steering>): readonly string[] => steer(given)['PATHWAY-PRIORITY'];
const hostsOf = (given: Partial<Steering>): readonly unknown[] => (steer({ player: 'dash', ...given })['PATHWAY-CLONES'] ?? []).map((clone) => [clone['BASE-ID'], clone.ID, clone['URI-REPLACEMENT'].HOST]);

test('a player of HLS is given the media playlists of every other edge', () => {
  expect(steer()).toEqual({
    'VERSION': 1,
    'TTL': 10,
    'RELOAD-URI': 'http://edge-1:8080/api/v1/steering/demo?base=edge-1',
    'PATHWAY-PRIORITY': ['edge-1', 'edge-2'],
    'PATHWAY-CLONES': [
      {
        'BASE-ID': 'edge-1',
        'ID': 'edge-2',
        'URI-REPLACEMENT': {
          'HOST': 'edge-2',
          'PER-VARIANT-URIS': { video: 'http://edge-2:8080/live/demo/broadcast1/video/index.m3u8', v360: 'http://edge-2:8080/live/demo/broadcast1/v360/index.m3u8' },
          'PER-RENDITION-URIS': { audio: 'http://edge-2:8080/live/demo/broadcast1/audio/index.m3u8' },
        },
      },
    ],
  });
});

describe('the order of edges', () => {
  test('keeps a viewer where they are, whatever the load', () => {
    expect(priorityOf({ nodes: [edgeNode('edge-1', { load: 1 }), edgeNode('edge-2')] })).toEqual(['edge-1', 'edge-2']);
    expect(priorityOf({ pathways: ['edge-2'] })).toEqual(['edge-2', 'edge-1']);
  });

  test.each([
    ['drains', edgeNode('edge-1', { draining: true }), ['edge-2', 'edge-1']],
    ['is gone', ingestNode('in-2'), ['edge-2']],
    ['cannot be reached', edgeNode('edge-1', { url: 'nonsense' }), ['edge-2']],
  ])('sends a viewer away whose edge %s', (_what, node, expected) => {
    const given = { nodes: [node, edgeNode('edge-2')] };
    expect(priorityOf(given)).toEqual(expected);
    expect(steer(given)['RELOAD-URI']).toBe('http://edge-2:8080/api/v1/steering/demo?base=edge-1');
    expect(steer(given)['PATHWAY-CLONES']?.map(({ ID }) => ID)).toEqual(['edge-2']);
  });

  test('brings a viewer into their region where an edge of it takes them', () => {
    const nodes = (load: number) => [edgeNode('edge-1', { region: 'us' }), edgeNode('edge-2', { region: 'eu', load }), edgeNode('edge-3', { region: 'eu', load })];
    expect(priorityOf({ nodes: nodes(0.2), region: 'eu' })).toEqual(['edge-2', 'edge-3', 'edge-1']);
    expect(priorityOf({ nodes: nodes(1), region: 'eu' })).toEqual(['edge-1', 'edge-2', 'edge-3']);
    expect(priorityOf({ nodes: nodes(0.2), region: 'asia' })).toEqual(['edge-1', 'edge-2', 'edge-3']);
  });

  test('begins at the serving edge where a player does not say what it uses', () => {
    expect(priorityOf({ pathways: [], own: 'edge-1' })).toEqual(['edge-1', 'edge-2']);
    expect(priorityOf({ pathways: [], own: 'in-1' })).toEqual(['edge-2', 'edge-1']);
  });

  test('names a handful', () => {
    const nodes = Array.from({ length: 50 }, (_, index) => edgeNode(`edge-${index}`));
    expect(priorityOf({ nodes, pathways: ['edge-49'] })).toHaveLength(5);
    expect(priorityOf({ nodes, pathways: ['edge-49'] })[0]).toBe('edge-49');
  });

  test('is the serving edge alone where no other is known', () => {
    expect(steer({ nodes: [], own: undefined, pathways: ['.'] })).toEqual({ 'VERSION': 1, 'TTL': 10, 'RELOAD-URI': '/tv/api/v1/steering/demo?base=.', 'PATHWAY-PRIORITY': ['.'] });
    expect(steer({ nodes: [edgeNode('edge-1')] })).not.toHaveProperty('PATHWAY-CLONES');
  });
});

describe('clones for HLS', () => {
  const clonesOf = (given: Partial<Steering>) => steer(given)['PATHWAY-CLONES'];

  test('have no HOST where port, scheme or path are others', () => {
    for (const url of ['http://edge-2:9090', 'https://edge-2:8080', 'http://edge-2:8080/tv']) {
      expect(clonesOf({ nodes: [edgeNode('edge-1'), edgeNode('edge-2', { url })] })).toEqual([
        {
          'BASE-ID': 'edge-1',
          'ID': 'edge-2',
          'URI-REPLACEMENT': {
            'PER-VARIANT-URIS': { video: `${url}/live/demo/broadcast1/video/index.m3u8`, v360: `${url}/live/demo/broadcast1/v360/index.m3u8` },
            'PER-RENDITION-URIS': { audio: `${url}/live/demo/broadcast1/audio/index.m3u8` },
          },
        },
      ]);
    }
  });

  test('have sound as variants where there is nothing else', () => {
    expect(clonesOf({ onAir: { ...onAir, video: [] } })?.[0]?.['URI-REPLACEMENT']).toEqual({ 'HOST': 'edge-2', 'PER-VARIANT-URIS': { audio: 'http://edge-2:8080/live/demo/broadcast1/audio/index.m3u8' } });
  });

  test('carry the token of signed playback', () => {
    expect(clonesOf({ token: 'abc.def' })?.[0]?.['URI-REPLACEMENT']['PER-RENDITION-URIS']).toEqual({ audio: 'http://edge-2:8080/live/demo/~abc.def/broadcast1/audio/index.m3u8' });
    expect(steer({ token: 'a&b', region: 'eu' })['RELOAD-URI']).toBe('http://edge-1:8080/api/v1/steering/demo?base=edge-1&region=eu&token=a%26b');
  });

  test('are made of what the playlist has, also when the player has moved', () => {
    expect(steer({ own: 'edge-2', pathways: ['edge-2'], base: 'edge-1' })).toMatchObject({ 'RELOAD-URI': 'http://edge-2:8080/api/v1/steering/demo?base=edge-1', 'PATHWAY-CLONES': [{ 'BASE-ID': 'edge-1', 'ID': 'edge-2' }] });
  });

  test('are left out where nothing can be said of them', () => {
    expect(clonesOf({ onAir: undefined })?.[0]?.['URI-REPLACEMENT']).toEqual({ HOST: 'edge-2' });
    expect(clonesOf({ onAir: undefined, base: 'gone' })).toBeUndefined();
  });
});

describe('clones for DASH', () => {
  test.each([
    ['http://edge-2:8080', 'edge-2:8080'],
    ['http://edge-2:9090', 'edge-2:9090'],
    ['http://edge-2', 'edge-2'],
    ['https://edge-2', 'https://edge-2'],
    ['https://edge-2:8080', 'https://edge-2:8080'],
  ])('an edge at %s has the HOST %s', (url, host) => {
    expect(hostsOf({ nodes: [edgeNode('edge-1'), edgeNode('edge-2', { url })] })).toEqual([['edge-1', 'edge-2', host]]);
  });

  test('are made of every base that the player may have', () => {
    const nodes = ['edge-1', 'edge-2', 'edge-3'].map((node) => edgeNode(node));
    expect(hostsOf({ nodes, own: 'edge-2', pathways: ['edge-2', 'edge-1'], base: 'edge-1' })).toEqual([
      ['edge-1', 'edge-2', 'edge-2:8080'],
      ['edge-2', 'edge-1', 'edge-1:8080'],
      ['edge-1', 'edge-3', 'edge-3:8080'],
      ['edge-2', 'edge-3', 'edge-3:8080'],
    ]);
  });

  test('of a base that is gone name the whole origin', () => {
    expect(hostsOf({ base: 'gone', pathways: ['edge-2'], own: 'edge-2', nodes: [edgeNode('edge-2')] })).toEqual([['gone', 'edge-2', 'http://edge-2:8080']]);
  });

  test('are left out where the path is another: HOST cannot say it', () => {
    expect(hostsOf({ nodes: [edgeNode('edge-1'), edgeNode('edge-2', { url: 'http://edge-2:8080/tv' })] })).toEqual([]);
  });
});
