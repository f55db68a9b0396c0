import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { broadcastId } from '#core/media/frame.ts';

import { edgeNode } from '../testing/nodes.ts';
import { steeringManifest, type SteeringManifest } from './manifest.ts';

const nodes = [edgeNode('edge-1'), edgeNode('edge-2', { url: 'https://edge-2.example.com:9443/tv' })];

/** A multivariant playlist as edge-1 writes it where there are several edges. */
const playlist = `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-CONTENT-STEERING:SERVER-URI="/api/v1/steering/demo",PATHWAY-ID="edge-1"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio-aac",NAME="Audio",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",STABLE-RENDITION-ID="audio",URI="broadcast1/audio/index.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=3000000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,AUDIO="audio-aac",STABLE-VARIANT-ID="video",PATHWAY-ID="edge-1"
broadcast1/video/index.m3u8
`;

function manifestFor(url: URL, drains: boolean): SteeringManifest {
  return steeringManifest({
    nodes: drains ? [edgeNode('edge-1', { draining: true }), ...nodes.slice(1)] : nodes,
    own: 'edge-1', stream: 'demo', player: 'hls', basePath: '', region: undefined, token: undefined, spread: 0,
    onAir: { broadcast: broadcastId('broadcast1'), video: ['video'], audio: ['audio'] },
    pathways: [url.searchParams.get('_HLS_pathway') ?? ''],
    base: url.searchParams.get('base') ?? undefined,
  });
}

type Answer = { readonly data: unknown } | undefined;

/** What hls.js asks of its loader; answers as `answerTo` says, 404 where that is undefined. */
function loaderOf(answerTo: (url: URL) => Answer) {
  const timing = { start: 0, first: 0, end: 0 };
  return class {
    context: unknown;
    readonly stats = { aborted: false, loaded: 1, total: 1, retry: 0, chunkCount: 0, bwEstimate: 0, loading: timing, parsing: timing, buffering: timing };
    destroy(): void {}
    abort(): void {}
    load(context: { readonly url: string }, _config: unknown, callbacks: { onSuccess: (...all: unknown[]) => void; onError: (...all: unknown[]) => void }): void {
      this.context = context;
      const answer = answerTo(new URL(context.url));
      queueMicrotask(() => {
        if (answer === undefined) {
          callbacks.onError({ code: 404, text: 'not found' }, context, undefined, this.stats);
        } else {
          callbacks.onSuccess({ url: context.url, data: answer.data, code: 200 }, this.stats, context, undefined);
        }
      });
    }
  };
}

beforeEach(() => {
  vi.stubGlobal('self', globalThis);
  vi.stubGlobal('location', new URL('http://edge-1:8080/watch/demo'));
  vi.stubGlobal('MediaSource', class { static isTypeSupported = (): boolean => true; });
});

afterEach(() => {
  vi.unstubAllGlobals();
});

/** Plays with the real hls.js, as far as it goes without media, and gives the URLs that it asked for. */
async function play(drains: boolean, until: (asked: readonly string[]) => boolean): Promise<readonly string[]> {
  const { default: Hls } = await import('hls.js');
  const asked: string[] = [];
  const loader = loaderOf((url) => {
    asked.push(url.href);
    if (url.pathname.endsWith('/master.m3u8')) {
      return { data: playlist };
    }
    return url.pathname.includes('/steering/') ? { data: manifestFor(url, drains) } : undefined;
  });
  const hls = new Hls({ loader: loader as never });
  hls.loadSource('http://edge-1:8080/live/demo/master.m3u8');
  try {
    await expect.poll(() => until(asked)).toBe(true);
  } finally {
    hls.destroy();
  }
  return asked;
}

test('hls.js goes to another scheme, port and base path when its edge drains', async () => {
  const asked = await play(true, (urls) => urls.some((url) => url.endsWith('/tv/live/demo/broadcast1/audio/index.m3u8')) && urls.some((url) => url.endsWith('/tv/live/demo/broadcast1/video/index.m3u8')));
  expect(asked).toContainEqual(expect.stringMatching(/^http:\/\/edge-1:8080\/api\/v1\/steering\/demo\?_HLS_pathway=edge-1&/));
  expect(asked).toContain('https://edge-2.example.com:9443/tv/live/demo/broadcast1/video/index.m3u8');
  expect(asked).toContain('https://edge-2.example.com:9443/tv/live/demo/broadcast1/audio/index.m3u8');
});

test('hls.js goes there by itself when its edge fails, though steering left it where it was', async () => {
  const asked = await play(false, (urls) => urls.includes('https://edge-2.example.com:9443/tv/live/demo/broadcast1/video/index.m3u8'));
  expect(asked.indexOf('http://edge-1:8080/live/demo/broadcast1/video/index.m3u8')).toBeGreaterThan(0);
});
