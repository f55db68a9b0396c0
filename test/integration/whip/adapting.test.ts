import type { Browser, Page } from 'playwright-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { startBrowser } from '../../support/browser.ts';
import { watchNatively, type NativeViewer } from '../../support/native-webrtc.ts';
import { startServer, type TestServer } from '../../support/server.ts';
import { until } from '../../support/until.ts';
import { publishFrom, setEncodings } from './browser-publisher.ts';

const KEY = 'cam_0123456789abcdef';
/** What may be late on a busy machine. */
const PATIENCE = { deadline: 60_000 };

/** How much smaller the picture becomes, and its width then. */
const CHANGES = [[2, 320], [1, 640], [2, 320], [1, 640], [2, 320], [1, 640]] as const;

let server: TestServer;
let browser: Browser;
let page: Page;

beforeEach(async () => {
  server = await startServer({ config: { streamKeys: [KEY], ladder: [{ height: 180, bitrate: 200_000 }] } });
  browser = await startBrowser({ fakeDevices: true });
  page = await browser.newPage();
  await page.goto(`${server.url}/healthz`);
});

afterEach(async () => {
  await browser.close();
  await server[Symbol.asyncDispose]();
});

const text = async (path: string): Promise<string> => {
  const answer = await fetch(new URL(path, server.url));
  if (!answer.ok) {
    throw new Error(`${path}: ${answer.status}`);
  }
  return answer.text();
};

type Playlist = { readonly text: string; readonly newest: number; readonly resolution: string | undefined };

/** The media playlist of the picture's only rung. */
async function playlist(): Promise<Playlist> {
  const master = await text('/live/cam/master.m3u8');
  const [, attributes = '', uri = ''] = /#EXT-X-STREAM-INF:(.*)\n(.*)/.exec(master) ?? [];
  const media = await text(new URL(uri, `${server.url}/live/cam/master.m3u8`).pathname);
  const first = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(media)?.[1]);
  return { text: media, newest: first + (media.match(/#EXTINF:/g)?.length ?? 0), resolution: /RESOLUTION=(\d+x\d+)/.exec(attributes)?.[1] };
}

const mapsOf = (media: string): Set<string> => new Set([...media.matchAll(/#EXT-X-MAP:URI="([^"]+)"/g)].map(([, uri = '']) => uri));

const epochOf = (media: string): string | undefined => /#EXT-X-DISCONTINUITY-SEQUENCE:(\d+)/.exec(media)?.[1];

/** Numbers of the groups that a playlist tells are lost. */
const gapsOf = (media: string): number[] => [...media.matchAll(/#EXT-X-GAP\n(?:#.*\n)*(\d+)\.m4s/g)].map(([, group]) => Number(group));

/** Width of the picture that a viewer decodes. */
async function widthOf(viewer: NativeViewer): Promise<number> {
  const stats = await viewer.stats();
  return stats.reduce((width, { frameWidth }) => (typeof frameWidth === 'number' ? frameWidth : width), 0);
}

describe('Chromium changes the size of its picture in mid-stream', () => {
  it('HLS goes on without a discontinuity, its rung keeps its size, and a WHEP viewer sees the new size', async () => {
    await publishFrom(page, { url: `${server.url}/whip`, key: KEY, width: 640, height: 360, codec: 'video/VP8' });
    await setEncodings(page, {});
    await until('the full size, planned for', async () => {
      const { source } = JSON.parse(await text('/api/v1/streams/cam')) as { source: { video: { width: number } } };
      return source.video.width === 640;
    }, PATIENCE);
    const before = await until('segments', async () => {
      const now = await playlist();
      return now.text.includes('#EXTINF') ? now : undefined;
    }, PATIENCE);
    const viewer = await until('a viewer to be let in', () => watchNatively(`${server.url}/whep/cam`).catch(() => undefined), PATIENCE);
    const whole = new Set<number>();
    let { newest } = before;
    // On a busy machine an encoder may fall behind and lose a group, whatever the size: a change loses none where any change did not.
    for (const [scale, width] of CHANGES) {
      await setEncodings(page, { '': { scaleResolutionDownBy: scale } });
      await until(`pictures ${width} wide`, async () => (await widthOf(viewer)) === width, PATIENCE);
      const seen = viewer.pictures;
      const from = newest;
      const now = await until('three more segments', async () => {
        const list = await playlist();
        return list.newest >= from + 3 ? list : undefined;
      }, PATIENCE);
      newest = now.newest;
      await until('more pictures', () => viewer.pictures > seen + 30, PATIENCE);
      expect(now.resolution).toBe('320x180');
      expect(mapsOf(now.text)).toEqual(mapsOf(before.text));
      expect(now.text).not.toMatch(/^#EXT-X-DISCONTINUITY$/m);
      expect(epochOf(now.text)).toBe(epochOf(before.text));
      if (gapsOf(now.text).every((group) => group < from)) {
        whole.add(width);
      }
      if (whole.size === 2) {
        break;
      }
    }
    expect([...whole].sort()).toEqual([320, 640]);
    await viewer.stop();
  });
});
