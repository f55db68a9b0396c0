import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { shownColour, startBrowser } from '#test/support/browser.ts';
import { startServer, type TestServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

import { keepPeers, loudnessOver, peerStats, statsOf, type StatsRow } from './watching.ts';

const key = 'cam_0123456789abcdef';

/** The green that Chromium's fake camera shows, apart from the pie that turns in it. */
async function showsCamera(page: Page): Promise<boolean> {
  const colour = await shownColour(page);
  return colour !== undefined && colour.green > 90 && colour.red < 60 && colour.blue < 60;
}

/** Opens the studio with camera and microphone on. */
async function openStudio(browser: Browser, server: TestServer): Promise<Page> {
  const page = await browser.newPage();
  await keepPeers(page);
  await page.goto(`${server.url}/studio`);
  const preview = page.getByLabel('Preview');
  const turnOn = page.getByRole('button', { name: 'Turn on camera and microphone' });
  await preview.or(turnOn).first().waitFor();
  if (!(await preview.isVisible())) {
    await turnOn.click();
  }
  await until('the preview', () => showsCamera(page));
  return page;
}

async function goLive(page: Page): Promise<void> {
  await page.getByLabel('Stream key').fill(key);
  await page.getByRole('button', { name: 'Go live' }).click();
  await untilLive(page);
}

/** Waits for the badge over the preview; tells what the page says in its place. */
function untilLive(page: Page): Promise<unknown> {
  return until(
    'the page to be live',
    async () => {
      const said = [await page.getByTestId('badge').innerText(), ...(await page.getByRole('status').allInnerTexts())].filter((text) => text !== '');
      if (said[0] !== 'Live') {
        throw new Error(said.join(' | '));
      }
      return true;
    },
    { deadline: 30_000 },
  );
}

function streamState(server: TestServer): Promise<string> {
  return fetch(`${server.url}/api/v1/streams/cam`).then(async (response) => ((await response.json()) as { state: string }).state);
}

async function pictures(page: Page): Promise<readonly StatsRow[]> {
  return (await peerStats(page)).filter(({ type, kind }) => type === 'outbound-rtp' && kind === 'video');
}

/** The loudest root mean square of what the page's `<video>` plays, over two seconds: the fake microphone beeps once a second. */
function loudest(page: Page): Promise<number> {
  return page.evaluate(async () => {
    type Node = { connect(to: unknown): void };
    type Analyser = { fftSize: number; getFloatTimeDomainData(into: Float32Array): void };
    type Context = { createMediaStreamSource(stream: unknown): Node; createAnalyser(): Analyser; close(): Promise<void> };
    const host = globalThis as unknown as { document: { querySelector(selector: string): { captureStream(): unknown } }; AudioContext: new () => Context };
    const context = new host.AudioContext();
    const analyser = context.createAnalyser();
    context.createMediaStreamSource(host.document.querySelector('video').captureStream()).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let most = 0;
    for (const end = performance.now() + 2_000; performance.now() < end; ) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      analyser.getFloatTimeDomainData(samples);
      most = Math.max(most, Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length));
    }
    await context.close();
    return most;
  });
}

describe('the studio', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await startBrowser({ fakeDevices: true });
  });

  afterAll(() => browser.close());

  it.each([
    { simulcast: true, engine: 'webrtc' },
    { simulcast: false, engine: 'webrtc' },
    { simulcast: false, engine: 'hls' },
  ])('publishes camera and microphone (simulcast: $simulcast), and $engine shows and sounds them', async ({ simulcast, engine }) => {
    await using server = await startServer({ config: { streamKeys: [key], ladder: [{ height: 240, bitrate: '350k' }] } });
    const studio = await openStudio(browser, server);
    await studio.getByLabel('Size', { exact: true }).selectOption('480p');
    await studio.getByLabel(/simulcast/).setChecked(simulcast);
    await goLive(studio);
    expect(await pictures(studio)).toHaveLength(simulcast ? 2 : 1);

    const viewer = await browser.newPage();
    await keepPeers(viewer);
    await viewer.goto(`${server.url}/watch/cam?engine=${engine}`);
    await until('the camera at the viewer', () => showsCamera(viewer), { deadline: 60_000 });
    expect((await statsOf(viewer))?.engine).toBe(engine);
    await until('the beeps', async () => (engine === 'webrtc' ? await loudnessOver(viewer, 2) : await loudest(viewer)) > 0.005);
    // Sent by the browser as chosen: codec, layers, size.
    await until('the size that was chosen', async () => (await pictures(studio)).some(({ frameHeight }) => frameHeight === 480));
    // What the page tells of its own broadcast.
    await studio.getByText('1 viewer').waitFor();
    await until('figures of what is sent', async () => /\d+ (k|M)bit\/s/.test(await studio.getByRole('region', { name: 'Health' }).innerText()));
    expect(studio.url()).toBe(`${server.url}/studio`);
    expect(await studio.evaluate(() => JSON.stringify(Object.values((globalThis as unknown as { localStorage: object }).localStorage)))).not.toContain(key);

    await studio.getByRole('button', { name: 'Stop' }).click();
    // Told by the page, not found out after seconds of silence.
    await until('the server to know of the end', () => /"how":"unpublished"/.test(server.log()), { deadline: 3_000 });
    await Promise.all([studio.close(), viewer.close()]);
  });

  it('comes back by itself after the server was killed and started again', async () => {
    await using server = await startServer({ config: { streamKeys: [key], ladder: 'source' } });
    const studio = await openStudio(browser, server);
    await goLive(studio);
    await until('the broadcast', async () => (await streamState(server)) === 'live');
    await server.kill();
    await studio.getByText('Reconnecting…').waitFor({ timeout: 20_000 });
    await server.start();
    await until('the broadcast again', async () => (await streamState(server)) === 'live', { deadline: 30_000 });
    await untilLive(studio);
    await studio.close({ runBeforeUnload: false });
  });

  it('restarts ICE after some seconds of silence, and goes on in the same session', async () => {
    await using server = await startServer({ config: { streamKeys: [key], ladder: 'source' } });
    const studio = await openStudio(browser, server);
    await goLive(studio);
    await until('the broadcast', async () => (await streamState(server)) === 'live');
    const restarts: number[] = [];
    studio.on('response', (response) => response.request().method() === 'PATCH' && restarts.push(response.status()));
    server.process().kill('SIGSTOP');
    try {
      await studio.getByText('Reconnecting…').waitFor({ timeout: 20_000 });
    } finally {
      server.process().kill('SIGCONT');
    }
    await untilLive(studio);
    await until('the answer to the restart', () => restarts.length > 0);
    expect(restarts).toEqual([200]);
    expect(server.log().match(/a WHIP publisher was admitted/g)).toHaveLength(1);
    await studio.close({ runBeforeUnload: false });
  });

  it('frees the stream when its page is left, and tells a second one that somebody is live', async () => {
    await using server = await startServer({ config: { streamKeys: [key], ladder: 'source' } });
    const first = await openStudio(browser, server);
    await goLive(first);
    await until('the broadcast', async () => (await streamState(server)) === 'live');
    const second = await openStudio(browser, server);
    await second.getByLabel('Stream key').fill(key);
    await second.getByRole('button', { name: 'Go live' }).click();
    await second.getByText(/Somebody is live on this stream already/).first().waitFor();
    // It has asked for some seconds, and given up.
    await second.getByRole('button', { name: 'Go live' }).waitFor();
    first.on('dialog', (dialog) => void dialog.accept());
    await first.goto(`${server.url}/`);
    await until('the server to know of the end', () => /"how":"unpublished"/.test(server.log()), { deadline: 5_000 });
    await goLive(second);
    await Promise.all([first.close(), second.close()]);
  });

  it('says that a key is wrong, and keeps nobody waiting', async () => {
    await using server = await startServer({ config: { streamKeys: [key], ladder: 'source' } });
    const studio = await openStudio(browser, server);
    await studio.getByLabel('Stream key').fill('cam_aaaaaaaaaaaaaaaa');
    await studio.getByRole('button', { name: 'Go live' }).click();
    await studio.getByText(/The server does not know this stream key/).waitFor();
    await studio.getByText('Off air', { exact: true }).waitFor();
    await studio.close();
  });
});
