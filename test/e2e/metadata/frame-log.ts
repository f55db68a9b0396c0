import type { Page } from 'playwright-core';

import { BARCODE_BITS, BARCODE_HEIGHT, readBits } from '#test/bench/support/barcode.ts';

/** A frame as a page showed it: when (`performance.now()`), when it was drawn (by the bar codes in it and in those around it: milliseconds since 1970, modulo 2^32), and its time. */
export type ShownFrame = { readonly at: number; readonly drawn: number; readonly mediaTime: number };

/** A message as a page raised it: when (`performance.now()`), and where the playhead stood, seconds. */
export type RaisedMessage = {
  readonly at: number;
  readonly playhead: number;
  readonly detail: { readonly id: string; readonly type: string; readonly data: unknown; readonly time: number | null; readonly wallTime: string | null };
};

/** What a page has shown and raised so far. */
export type FrameLog = { readonly frames: readonly ShownFrame[]; readonly messages: readonly RaisedMessage[] };

type RawLog = { readonly frames: readonly { readonly at: number; readonly mediaTime: number; readonly luma: readonly number[] }[]; readonly messages: readonly RaisedMessage[] };

/** Has a page write down every frame that its `<video>` shows and every `millrace:metadata` that it raises, from the first one on. */
export async function keepFrameLog(page: Page): Promise<void> {
  await page.addInitScript(collect, { bits: BARCODE_BITS, part: BARCODE_HEIGHT });
}

/** What was written down. Frames without a bar code that can be read are left out. */
export async function readFrameLog(page: Page): Promise<FrameLog> {
  const { frames, messages } = await page.evaluate(() => (globalThis as unknown as { frameLog: RawLog }).frameLog);
  const read = frames.flatMap(({ at, mediaTime, luma }) => {
    const drawn = readBits(luma.map((value) => value > 126));
    return drawn === undefined ? [] : { at, mediaTime, drawn };
  });
  return { messages, frames: read.map((frame, n) => ({ ...frame, drawn: frame.mediaTime * 1000 + offsetAround(read, n) })) };
}

/**
 * How far drawing is from media time around a frame: the median of half a second. On a busy machine the pixels that are there in a frame's callback may be
 * those of the one beside it, and the publisher draws in bursts; neither may move the frame that a bar code is taken for.
 */
function offsetAround(frames: readonly ShownFrame[], n: number): number {
  const offsets = frames.slice(Math.max(n - 7, 0), n + 8).map(({ drawn, mediaTime }) => drawn - mediaTime * 1000);
  return offsets.sort((a, b) => a - b)[Math.floor(offsets.length / 2)] ?? Number.NaN;
}

/** Runs in the page. */
function collect({ bits, part }: { bits: number; part: number }): void {
  type Video = { currentTime: number; requestVideoFrameCallback(callback: (now: number, frame: { mediaTime: number }) => void): void; videoWidth: number; videoHeight: number };
  type Context = {
    drawImage(source: unknown, sx: number, sy: number, sw: number, sh: number, dx: number, dy: number, dw: number, dh: number): void;
    getImageData(x: number, y: number, width: number, height: number): { data: Uint8ClampedArray };
  };
  const page = globalThis as unknown as {
    document: { querySelector(selector: string): Video | null; addEventListener(name: string, listener: (event: { detail: unknown }) => void): void };
    OffscreenCanvas: new (width: number, height: number) => { getContext(kind: '2d', options: object): Context };
    requestAnimationFrame(callback: () => void): void;
    frameLog: { frames: unknown[]; messages: unknown[] };
  };
  const log = { frames: [] as unknown[], messages: [] as unknown[] };
  page.frameLog = log;
  page.document.addEventListener('millrace:metadata', ({ detail }) => log.messages.push({ at: performance.now(), playhead: page.document.querySelector('video')?.currentTime, detail }));
  const context = new page.OffscreenCanvas(bits, 1).getContext('2d', { willReadFrequently: true });
  const watch = (video: Video): void => {
    const shown = (_now: number, { mediaTime }: { mediaTime: number }): void => {
      const at = performance.now();
      video.requestVideoFrameCallback(shown);
      // The middle line of the row, one pixel a bit, from the middle of each square.
      const { videoWidth: width, videoHeight: height } = video;
      const square = width / bits;
      for (let i = 0; i < bits; i += 1) {
        context.drawImage(video, i * square + square / 4, (height * part) / 4, square / 2, (height * part) / 2, i, 0, 1, 1);
      }
      const { data } = context.getImageData(0, 0, bits, 1);
      log.frames.push({ at, mediaTime, luma: Array.from({ length: bits }, (_, i) => data[i * 4]) });
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
