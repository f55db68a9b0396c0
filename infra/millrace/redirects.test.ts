import { describe, expect, it } from 'vitest';

import type { NodeInfo } from '#core/bus/node.ts';
import { wallTime } from '#core/media/time.ts';

import { edgeRedirects } from './redirects.ts';

const edge: NodeInfo = {
  node: 'edge-1', roles: ['edge'], version: '1', startedAt: wallTime(1), draining: false, url: 'https://edge-1.example/tv',
  edge: { viewers: { hls: 0, dash: 0, webrtc: 0 }, load: 0, whep: true, archive: false },
};
const redirects = edgeRedirects({ list: () => [edge] }, undefined);

describe('a process without an edge', () => {
  it.each([
    ['/live/main/master.m3u8', '', 'https://edge-1.example/tv/live/main/master.m3u8'],
    ['/live/main/b/video/index.m3u8', '_HLS_msn=3', 'https://edge-1.example/tv/live/main/b/video/index.m3u8?_HLS_msn=3'],
    ['/whep/main', '', 'https://edge-1.example/tv/whep/main'],
    ['/recordings/x/master.m3u8', '', 'https://edge-1.example/tv/recordings/x/master.m3u8'],
    ['/livery', '', undefined],
    ['/watch/main', '', undefined],
  ])('sends %s?%s to %s', (path, query, expected) => {
    expect(redirects(undefined, path, query)).toBe(expected);
  });

  it('sends nobody anywhere where there is no edge', () => {
    expect(edgeRedirects({ list: () => [{ ...edge, draining: true }] }, undefined)(undefined, '/live/main/master.m3u8', '')).toBeUndefined();
    expect(edgeRedirects(undefined, undefined)(undefined, '/live/main/master.m3u8', '')).toBeUndefined();
  });
});
