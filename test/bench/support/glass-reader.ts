import type { Page } from 'playwright-core';

import { BARCODE_BITS, BARCODE_HEIGHT, readBits } from './barcode.ts';

/** One shown frame: when it was shown, and how old it was. */
export type Glass = {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** Shown minus drawn, in milliseconds. */
  readonly latency: number;
  /** Height of the picture as decoded: tells the rung. */
  readonly height: number;
};

/** What the reader saw. */
export type GlassReading = {
  readonly frames: readonly Glass[];
  /** Frames shown whose bar code could not be read. */
  readonly unreadable: number;
  /** The instant at which the first readable frame was shown. */
  readonly first?: number;
};

type RawFrame = { readonly at: number; readonly height: number; readonly luma: readonly number[] };

/** Has the page collect the bar code of every frame that its only `<video>` shows, from the next frame on. */
export async function beginReading(page: Page): Promise<void> {
  await page.evaluate(collect, { bits: BARCODE_BITS, part: BARCODE_HEIGHT });
}

/** Installs the reader before a page's own scripts, so that the very first frame is seen. */
export async function beginReadingAtLoad(page: Page): Promise<void> {
  await page.addInitScript(collect, { bits: BARCODE_BITS, part: BARCODE_HEIGHT });
}

/** Takes what was collected since the last call. */
export async function takeReading(page: Page): Promise<GlassReading> {
  const raw = await page.evaluate(() => (globalThis as unknown as { takeGlass(): RawFrame[] }).takeGlass());
  const frames: Glass[] = [];
  for (const { at, height, luma } of raw) {
    const drawn = readBits(luma.map((value) => value > 126));
    if (drawn !== undefined) {
      const latency = (Math.floor(at) - drawn) % 2 ** 32;
      frames.push({ at, height, latency: latency < 0 ? latency + 2 ** 32 : latency });
    }
  }
  const first = frames[0]?.at;
  return { frames, unreadable: raw.length - frames.length, ...(first === undefined ? {} : { first }) };
}

/** Runs in the page. */
function collect({ bits, part }: { bits: number; part: number }): void {
  type Host = { requestVideoFrameCallback(callback: () => void): void; videoWidth: number; videoHeight: number };
  const page = globalThis as unknown as {
    document: { querySelector(selector: string): Host | null };
    OffscreenCanvas: new (width: number, height: number) => { getContext(kind: '2d', options: object): CanvasLike };
    requestAnimationFrame(callback: () => void): void;
    takeGlass?: () => unknown[];
  };
  type CanvasLike = {
    drawImage(source: unknown, sx: number, sy: number, sw: number, sh: number, dx: number, dy: number, dw: number, dh: number): void;
    getImageData(x: number, y: number, width: number, height: number): { data: Uint8ClampedArray };
  };
  let frames: unknown[] = [];
  page.takeGlass = () => {
    const taken = frames;
    frames = [];
    return taken;
  };
  const context = new page.OffscreenCanvas(bits, 1).getContext('2d', { willReadFrequently: true });
  const watch = (video: Host): void => {
    const shown = (): void => {
      const at = Date.now();
      video.requestVideoFrameCallback(shown);
      // The middle line of the row, one pixel a bit, from the middle of each square.
      const { videoWidth: width, videoHeight: height } = video;
      const square = width / bits;
      for (let i = 0; i < bits; i += 1) {
        context.drawImage(video, i * square + square / 4, (height * part) / 4, square / 2, (height * part) / 2, i, 0, 1, 1);
      }
      const { data } = context.getImageData(0, 0, bits, 1);
      frames.push({ at, height, luma: Array.from({ length: bits }, (_, i) => data[i * 4]) });
    };
    video.requestVideoFrameCallback(shown);
  };
  const seek = (): void => {
    const video = page.document.querySelector('video');
    if (video === null) {
      page.requestAnimationFrame(seek);
    } else {
      watch(video);
    }
  };
  seek();
}
