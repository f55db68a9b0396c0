import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Frame } from '#core/media/frame.ts';
import type { Part } from '#edge/cmaf/segment.ts';
import { startBrowser } from '#test/support/browser.ts';
import type { VectorName } from '#test/vectors/load.ts';
import { packageFrames, packageVector, type PackagedTrack } from './packaged.ts';

/** What `page/append.js` answers. `ranges`: for each track, the buffered ranges after each piece, in seconds. */
type Played = {
  readonly ranges: readonly (readonly (readonly [number, number])[])[][];
  readonly error: string | null;
  readonly endedAt: number;
  readonly decoded: number;
  readonly size: readonly [number, number];
};

type Appended = { readonly mime: string; readonly pieces: readonly Uint8Array[] };

/** Digits of a second that are compared: Chromium cuts times to a microsecond. */
const DIGITS = 5;

describe('parts in a SourceBuffer of Chromium', { timeout: 30_000 }, () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await startBrowser();
  });

  afterAll(async () => {
    await browser.close();
  });

  async function play(tracks: readonly Appended[], start: number, rate = 4): Promise<Played> {
    const page = await browser.newPage();
    try {
      await page.setContent('<video width="320" height="180"></video>');
      await page.addScriptTag({ path: join(import.meta.dirname, 'page/append.js') });
      const given = tracks.map(({ mime, pieces }) => ({ mime, pieces: pieces.map((piece) => piece.toBase64()) }));
      return await page.evaluate(
        (options) => (globalThis as unknown as { appendAndPlay(options: unknown): Promise<Played> }).appendAndPlay(options),
        { tracks: given, start, rate },
      );
    } finally {
      await page.close();
    }
  }

  /** A track's init segment and its parts from a segment on. */
  function appended(packaged: PackagedTrack, from = 0, to = Infinity): Appended {
    const parts = packaged.segments.slice(from, to).flatMap((segment) => segment.parts);
    return { mime: mimeOf(packaged), pieces: [packaged.init, ...parts.map((part) => part.bytes)] };
  }

  it.each<VectorName>(['source-30', 'source-29.97'])('buffer without a gap and play to the end: %s', async (vector) => {
    const [video, audio] = pick(packageVector(vector));
    const played = await play([appended(video), appended(audio)], startOf(video, 0));
    expectAllShown(played, video, 0);
    [video, audio].forEach((track, at) => expectOneGrowingRange(played.ranges[at] ?? [], track, 0));
  });

  it('let a viewer enter at any segment', async () => {
    const [video, audio] = pick(packageVector('source-30'));
    const played = await play([appended(video, 4), appended(audio, 4)], startOf(audio, 4));
    expectAllShown(played, video, 4);
    [video, audio].forEach((track, at) => expectOneGrowingRange(played.ranges[at] ?? [], track, 4));
  });

  it('let a viewer go from one rung to another at a segment without a gap', async () => {
    const tracks = packageVector('source-30');
    const [video] = pick(tracks);
    const lower = tracks.find((track) => track.track === 'v90') as PackagedTrack;
    const pieces = [appended(video, 0, 3), appended(lower, 3, 6), appended(video, 6)].flatMap((run) => run.pieces);
    const played = await play([{ mime: mimeOf(video), pieces }], startOf(video, 0));
    expectAllShown(played, video, 0);
    expect(played.ranges[0]?.map((ranges) => ranges.length).slice(1)).toEqual(pieces.slice(1).map(() => 1));
    expect(played.ranges[0]?.at(-1)?.[0]?.[1]).toBeCloseTo(endOf(video.frames, video), DIGITS);
  });
  it('keep the pictures behind frames that the source left out, within a part and across its end', async () => {
    const tracks = packageVector('source-30');
    const lower = tracks.find((track) => track.track === 'v90') as PackagedTrack;
    for (const [from, to] of [[14, 15], [16, 19], [18, 20], [15, 17]] as const) {
      const holed = withoutFrames(lower, (frame) => frame.index >= from && frame.index <= to);
      const { ranges } = await play([appended(holed)], 0, 0);
      expectOneGrowingRange(ranges[0] ?? [], holed, 0);
    }
  });
});

/** A track as if the source had left out frames: the indices of those that are left follow each other. */
function withoutFrames(packaged: PackagedTrack, leftOut: (frame: Frame) => boolean): PackagedTrack {
  const next = new Map<number, number>();
  const frames = packaged.frames.filter((frame) => !leftOut(frame)).map((frame) => {
    const index = next.get(frame.group) ?? 0;
    next.set(frame.group, index + 1);
    return { ...frame, index };
  });
  return packageFrames(packaged.name, packaged.track, frames);
}

/** The end was reached without an error, and each picture decoded; Chromium may decode some twice before it begins to play. */
function expectAllShown(played: Played, video: PackagedTrack, from: number): void {
  const first = video.segments[from]?.group ?? 0;
  expect(played).toMatchObject({ error: null, size: [320, 180] });
  expect(played.decoded).toBeGreaterThanOrEqual(video.frames.filter((frame) => frame.group >= first).length);
  expect(played.endedAt).toBeGreaterThanOrEqual(endOf(video.frames, video) - 1e-5);
}

/** After each part there is one range, which begins with the first frame and ends with the part. */
function expectOneGrowingRange(ranges: Played['ranges'][number], packaged: PackagedTrack, from: number): void {
  const parts: readonly Part[] = packaged.segments.slice(from).flatMap((segment) => segment.parts);
  const first = packaged.segments[from]?.group ?? 0;
  const frames = packaged.frames.filter((frame) => frame.group >= first);
  const start = startOf(packaged, from);
  expect(ranges).toHaveLength(parts.length + 1);
  expect(ranges[0]).toEqual([]);
  let last = start;
  for (const range of ranges.slice(1)) {
    expect(range).toHaveLength(1);
    expect(range[0]?.[0]).toBeCloseTo(start, DIGITS);
    expect(range[0]?.[1]).toBeGreaterThan(last);
    last = range[0]?.[1] ?? Number.NaN;
  }
  expect(last).toBeCloseTo(endOf(frames, packaged), DIGITS);
}

/** Seconds at which a segment begins. */
function startOf(packaged: PackagedTrack, segment: number): number {
  const group = packaged.segments[segment]?.group;
  return Math.min(...packaged.frames.filter((frame) => frame.group === group).map((frame) => frame.pts)) / packaged.config.timescale;
}

function endOf(frames: PackagedTrack['frames'], packaged: PackagedTrack): number {
  return Math.max(...frames.map((frame) => frame.pts + frame.duration)) / packaged.config.timescale;
}

function mimeOf(packaged: PackagedTrack): string {
  return `${packaged.config.kind}/mp4; codecs="${packaged.config.codecString}"`;
}

/** The source's video and audio. */
function pick(tracks: readonly PackagedTrack[]): readonly [PackagedTrack, PackagedTrack] {
  return [tracks.find((track) => track.track === 'video') as PackagedTrack, tracks.find((track) => track.track === 'audio') as PackagedTrack];
}
