import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { shownColour, startBrowser } from '#test/support/browser.ts';
import { startPublisher } from '#test/support/publisher.ts';
import { startServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

import { framesSince, keepPeers, loudnessOver, noteFrames, peerStats, statsOf } from './watching.ts';

const key = 'cam_0123456789abcdef';

/** RMS of the sine that ffmpeg makes by itself: an amplitude of an eighth. */
const TONE = 0.125 / Math.SQRT2;

describe('RTMP in, WebRTC out', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await startBrowser();
  });

  afterAll(() => browser.close());

  it.each([
    { name: 'without B-frames, passed through', bFrames: 0, gop: 30, sceneCuts: false },
    { name: 'with B-frames, encoded for WebRTC', bFrames: 2, gop: 60, sceneCuts: false },
    { name: "with x264's defaults: B-frames, scene cuts, a key frame in eight seconds", bFrames: 3, gop: 250, sceneCuts: true },
  ])('shows picture and plays sound of a source $name', async ({ name: _, ...source }) => {
    await using server = await startServer({ config: { streamKeys: [key], ladder: [{ height: 240, bitrate: '350k' }] } });
    await using _publisher = startPublisher({ url: server.publishUrl(key), ...source });
    const page = await browser.newPage();
    await Promise.all([noteFrames(page), keepPeers(page)]);
    await page.goto(`${server.url}/watch/cam?engine=webrtc`);
    await until('a fluent picture', async () => (await framesSince(page, Date.now() - 1000)).length > 20, { deadline: 40_000 });
    expect((await statsOf(page))?.engine).toBe('webrtc');
    await until('the tone at its level', async () => Math.abs((await loudnessOver(page, 1)) - TONE) < TONE * 0.3, { deadline: 30_000 });
    // Nothing was thrown away between the network and the screen.
    const video = (await peerStats(page)).find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video');
    expect(video).toMatchObject({ packetsLost: 0 });
    await page.close();
  });

  it('shows the colour that was sent, and goes on when the publisher returns with another', async () => {
    await using server = await startServer({ config: { streamKeys: [key], ladder: 'source' } });
    await using publisher = startPublisher({ url: server.publishUrl(key), colour: 'red' });
    const page = await browser.newPage();
    await page.goto(`${server.url}/watch/cam?engine=webrtc`);
    await until('red', async () => ((await shownColour(page))?.red ?? 0) > 200, { deadline: 30_000 });
    await publisher.kill();
    await using _blue = startPublisher({ url: server.publishUrl(key), colour: 'blue' });
    await until('blue', async () => ((await shownColour(page))?.blue ?? 0) > 200, { deadline: 30_000 });
    expect((await statsOf(page))?.engine).toBe('webrtc');
    await page.close();
  });

  it('shows a picture to a viewer who waited for the broadcast to begin', async () => {
    await using server = await startServer({ config: { streamKeys: [key], ladder: 'source' } });
    const page = await browser.newPage();
    await noteFrames(page);
    await page.goto(`${server.url}/watch/cam?engine=webrtc`);
    await page.getByText(/off air|offline|not live/i).first().waitFor();
    await using _publisher = startPublisher({ url: server.publishUrl(key) });
    await until('pictures', async () => (await framesSince(page, Date.now() - 1000)).length > 20, { deadline: 40_000 });
    expect((await statsOf(page))?.engine).toBe('webrtc');
    await page.close();
  });
});
