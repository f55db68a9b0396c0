import { chromium, type Browser, type Page } from 'playwright-core';

import type { TestNetwork } from './network/network.ts';

/** Options of {@link startBrowser}. */
export type BrowserOptions = {
  /** A network of the test's, on whose client side it runs. */
  readonly network?: TestNetwork;
  /** With a camera and a microphone that show and sound a test pattern, allowed without a question. */
  readonly fakeDevices?: boolean;
};

/** Debian's Chromium, headless, quiet on the network. */
export function startBrowser(options: BrowserOptions = {}): Promise<Browser> {
  return chromium.launch({
    executablePath: options.network?.chromium ?? '/usr/bin/chromium',
    args: [
      ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
      ...['--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required'],
      ...(options.fakeDevices === true ? ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'] : []),
    ],
  });
}

/** Mean colour of the picture that the page's `<video>` shows now; undefined where it shows none. */
export function shownColour(page: Page): Promise<{ readonly red: number; readonly green: number; readonly blue: number } | undefined> {
  return page.evaluate(() => {
    const page = globalThis as unknown as {
      document: { querySelector(selector: string): { readyState: number; videoWidth: number } | null };
      OffscreenCanvas: new (width: number, height: number) => { getContext(kind: '2d'): CanvasLike };
    };
    type CanvasLike = {
      drawImage(source: unknown, x: number, y: number, width: number, height: number): void;
      getImageData(x: number, y: number, width: number, height: number): { data: Uint8ClampedArray };
    };
    const video = page.document.querySelector('video');
    if (video === null || video.readyState < 2 || video.videoWidth === 0) {
      return undefined;
    }
    const context = new page.OffscreenCanvas(16, 16).getContext('2d');
    context.drawImage(video, 0, 0, 16, 16);
    const { data } = context.getImageData(0, 0, 16, 16);
    const mean = (channel: number): number => Math.round(data.reduce((sum, value, i) => sum + (i % 4 === channel ? value : 0), 0) / 256);
    return { red: mean(0), green: mean(1), blue: mean(2) };
  });
}
