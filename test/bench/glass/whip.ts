import { startBrowser } from '#test/support/browser.ts';
import { startServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

import { startWhipClockPublisher, type WhipReport } from '../support/whip-clock-publisher.ts';
import { measureGlass, type GlassOptions, type GlassResult } from './glass.ts';

/** Glass to glass of one codec that Chromium publishes. */
export type WhipGlass = { readonly results: readonly GlassResult[]; readonly publisher: WhipReport };

const KEY = 'glass_0123456789abcdef';
/** Opens the page for the first time: code is compiled, caches are filled. Nothing of it but the first picture counts. */
const COLD_SECONDS = 12;

/**
 * WHIP in: Chromium encodes 640x360 at 30 fps, a second Chromium watches, first over WebRTC, where what is sent passes through, then over
 * LL-HLS, where it is encoded at a constant rate. All of it on this machine.
 */
export async function measureWhipGlass(codec: 'H264' | 'VP8', seconds: number): Promise<WhipGlass> {
  await using server = await startServer({ config: { streamKeys: [KEY], ladder: [{ height: 360, bitrate: '900k' }], webrtcRenditions: 'off' } });
  const publisher = await startWhipClockPublisher({ url: server.url, key: KEY, codec });
  const browser = await startBrowser();
  try {
    await until('the rung for HLS', async () => /x360/.test(await (await fetch(`${server.url}/live/glass/master.m3u8`)).text()), { deadline: 30_000 });
    const ways: readonly (readonly [string, string, number, GlassOptions])[] = [
      ['first page of a cold browser', 'webrtc', Math.min(COLD_SECONDS, seconds), {}],
      ['WebRTC, passed through', 'webrtc', seconds, { height: 360 }],
      ['LL-HLS, 360p encoded', 'hls', seconds, { height: 360 }],
    ];
    const results: GlassResult[] = [];
    for (const [way, engine, duration, options] of ways) {
      results.push(await measureGlass(browser, `${codec}: ${way}`, `${server.url}/watch/glass?engine=${engine}`, duration, options));
    }
    return { results, publisher: await publisher.report() };
  } finally {
    await browser.close();
    await publisher.stop();
  }
}
