import type { Browser, Page } from 'playwright-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Frame } from '#core/media/frame.ts';

import { startBrowser } from '../../support/browser.ts';
import { publishNatively } from '../../support/native-webrtc.ts';
import { until } from '../../support/until.ts';
import { publishFrom, setEncodings } from './browser-publisher.ts';
import { KEY, startWhipServer, type WhipServer } from './whip-server.ts';

const LAYERS = [
  { rid: 'q', scale: 4, maxBitrate: 150_000 },
  { rid: 'h', scale: 2, maxBitrate: 500_000 },
  { rid: 'f', scale: 1, maxBitrate: 1_500_000 },
];

/** Opus in Chromium's offers. */
const OPUS = 111;

let server: WhipServer;

beforeEach(async () => {
  server = await startWhipServer();
});

afterEach(() => server.close());

/** Expects what consumers rely on: places and times rise, each group begins with a head, and so does each configuration, at a key frame. */
function expectWhole(frames: readonly Frame[]): void {
  frames.forEach((frame, n) => {
    const before = frames[n - 1];
    const changes = frame.config !== frames[n - 1]?.config;
    expect(frame.head !== undefined).toBe(frame.index === 0 || changes);
    expect(frame.index === 0 || frame.key || !changes).toBe(true);
    if (before !== undefined) {
      expect(frame.group > before.group || (frame.group === before.group && frame.index === before.index + 1)).toBe(true);
      expect(frame.dts).toBeGreaterThan(before.dts);
    }
  });
}

const keysOf = (frames: readonly Frame[]): number[] => frames.filter(({ key }) => key).map(({ pts }) => pts / 90_000);

describe('libwebrtc outside a browser', () => {
  it('publishes VP8 and Opus: whole frames, in step, a key frame every 2.2 s, and a broadcast that ends when it says so', async () => {
    const publisher = await publishNatively({ url: server.url, key: KEY });
    const gaps = (): number[] => keysOf(server.frames('video')).slice(1).map((at, n) => at - (keysOf(server.frames('video'))[n] ?? NaN));
    // A busy machine answers requests late.
    await until('a key frame 2.2 s after another', () => gaps().some((gap) => gap > 2.1 && gap < 3), { deadline: 60_000 });
    await until('a reading of the way', () => server.health.some(({ rtt, loss }) => rtt !== undefined && loss === 0));
    await publisher.stop();
    await until('the end', () => server.infos.at(-1)?.state === 'interrupted');
    expect(server.catalogs).toHaveLength(1);
    expect(server.catalogs[0]).toMatchObject({ protocol: 'whip', grouping: { mode: 'grid' } });
    expect(server.catalogs[0]?.tracks).toMatchObject([
      { name: 'video', config: { codec: 'vp8', width: 320, height: 180 }, video: { variableFrameRate: true, bFrames: false } },
      { name: 'audio', config: { codec: 'opus', frameDuration: 960 } },
    ]);
    const video = server.frames('video');
    const audio = server.frames('audio');
    expectWhole(video);
    expectWhole(audio);
    // Sound and picture are made by one timer, which begins both at once. Later, a busy machine makes less sound than time.
    expect(Math.abs((audio[0]?.pts ?? NaN) / 48_000 - (video[0]?.pts ?? NaN) / 90_000)).toBeLessThan(0.25);
    expect(await server.metrics()).toMatch(/millrace_whip_packets_total\{fate="given-up"\} 0/);
  });

  it('with a wrong key, and a second one while the first is live, is refused; the first goes on', async () => {
    await expect(publishNatively({ url: server.url, key: 'show_ffffffffffffffffffff' })).rejects.toThrow(/401/);
    const publisher = await publishNatively({ url: server.url, key: KEY });
    await until('pictures', () => server.frames('video').length > 0);
    await expect(publishNatively({ url: `${server.url}/show`, key: KEY })).rejects.toThrow(/409/);
    const before = server.frames('video').length;
    await until('more pictures', () => server.frames('video').length > before + 15);
    await publisher.stop();
  });

  it('comes back into the same broadcast with the next epoch', async () => {
    const first = await publishNatively({ url: server.url, key: KEY });
    await until('pictures', () => server.frames('video').length > 0);
    await first.stop();
    await until('the interruption', () => server.infos.at(-1)?.state === 'interrupted');
    const second = await publishNatively({ url: server.url, key: KEY });
    await until('the next epoch', () => server.frames('video').some(({ epoch }) => epoch === 1));
    await second.stop();
    expectWhole(server.frames('video'));
    expect(new Set(server.frames('video').map(({ broadcast }) => broadcast)).size).toBe(1);
  });
});

describe('Chromium', () => {
  let browser: Browser;
  let page: Page;

  beforeEach(async () => {
    browser = await startBrowser({ fakeDevices: true });
    page = await browser.newPage();
    await page.goto(new URL('/', server.url).href);
  });

  afterEach(() => browser.close());

  it('publishes its fake camera as H.264', async () => {
    const resource = await publishFrom(page, { url: server.url, key: KEY, width: 640, height: 360 });
    await until('pictures', () => server.frames('video').length > 30);
    expect((await fetch(resource, { method: 'DELETE' })).status).toBe(200);
    await until('the end', () => server.infos.at(-1)?.state === 'interrupted');
    expect(server.catalogs[0]).toMatchObject({ encoder: expect.stringMatching(/^Chrome \d+/), tracks: [{ config: { codec: 'h264', codecString: expect.stringMatching(/^avc1\.42/) } }, { name: 'audio' }] });
    expectWhole(server.frames('video'));
  });

  it.each(['video/VP9', 'video/AV1'])('publishes %s', async (codec) => {
    await publishFrom(page, { url: server.url, key: KEY, width: 320, height: 180, codec });
    await until('pictures', () => server.frames('video').length > 10, { deadline: 60_000 });
    expect(server.catalogs[0]?.tracks[0]?.config.codec).toBe(codec.slice('video/'.length).toLowerCase());
    expectWhole(server.frames('video'));
  });

  it('publishes three layers: the best becomes the video, the others its layers, in the same groups at the same instants', async () => {
    await publishFrom(page, { url: server.url, key: KEY, layers: LAYERS });
    // A busy machine lets Chromium drop its best layer for a while: what counts is a time with all of them.
    const keysIn = (epoch: number, track: string): number => keysOf(server.frames(track).filter((frame) => frame.epoch === epoch)).length;
    const catalog = await until(
      'three layers with three key frames each',
      () => server.catalogs.find(({ tracks, epoch }) => tracks.length === 4 && ['video', 'video-1', 'video-2'].every((track) => keysIn(epoch, track) >= 3)),
      { deadline: 90_000 },
    );
    expect(catalog.tracks.map(({ name, layer, config }) => [name, layer, config.kind === 'video' ? config.height : 0])).toEqual([
      ['video', undefined, 720],
      ['video-1', 1, 360],
      ['video-2', 2, 180],
      ['audio', undefined, 0],
    ]);
    const of = (track: string): readonly Frame[] => server.frames(track).filter(({ epoch }) => epoch === catalog.epoch);
    ['video', 'video-1', 'video-2'].forEach((track) => expectWhole(server.frames(track)));
    // Asked for together, key frames fall on one instant, which has one timestamp and one group.
    const last = of('video').findLast(({ key }) => key);
    for (const track of ['video-1', 'video-2']) {
      const twin = of(track).find(({ pts, key }) => key && Math.abs(pts - (last?.pts ?? 0)) <= 90);
      expect(twin?.group).toBe(last?.group);
    }
  });

  it('is repaired by retransmission (RTX) where one packet of its picture in 13 is lost, repairs included', async () => {
    await server.close();
    let pictures = 0;
    // Sound is not asked for again: Opus repairs itself.
    server = await startWhipServer({ lose: (packet) => ((packet[1] ?? 0) & 0x7f) !== OPUS && (pictures += 1) % 13 === 0 });
    await page.goto(new URL('/', server.url).href);
    await publishFrom(page, { url: server.url, key: KEY, layers: LAYERS });
    const packets = async (fate: string): Promise<number> => Number(new RegExp(`millrace_whip_packets_total\\{fate="${fate}"\\} (\\d+)`).exec(await server.metrics())?.[1]);
    // A repair may be lost three times on end, and come too late while the machine is busy: one in 50 is given up.
    await until('50 packets and more repaired, and next to all', async () => (await packets('recovered')) > Math.max(50, 50 * (await packets('given-up'))), { deadline: 90_000 });
    await until('pictures', () => server.frames('video').length > 150, { deadline: 60_000 });
    expectWhole(server.frames('video'));
  });

  it('when the best layer stops, the next one stands in for it in the same epoch; when it is back, it is the video again', async () => {
    await publishFrom(page, { url: server.url, key: KEY, layers: LAYERS.slice(1) });
    await setEncodings(page, {});
    const newest = (track: string): Frame | undefined => server.frames(track).at(-1);
    // The same picture under two names is of one instant and has the same bytes.
    const standsIn = (frame: Frame): boolean => server.frames('video-1').some(({ pts, data }) => pts === frame.pts && data === frame.data);
    await until('two layers', () => server.catalogs.at(-1)?.tracks.length === 3 && newest('video')?.epoch === newest('video-1')?.epoch && newest('video-1') !== undefined, { deadline: 60_000 });
    await setEncodings(page, { f: { active: false } });
    const first = await until('the lower layer as the video', () => server.frames('video').find(standsIn), { deadline: 60_000 });
    await setEncodings(page, { f: { active: true } });
    const back = await until('the best layer again', () => server.frames('video').find((frame) => frame.pts > first.pts && frame.key && frame.head?.config.kind === 'video' && !standsIn(frame)), { deadline: 60_000 });
    const video = server.frames('video');
    const heights = video.flatMap(({ head }) => (head?.config.kind === 'video' ? [head.config.height] : [])).filter((height, n, all) => height !== all[n - 1]);
    expect(first).toMatchObject({ key: true, head: { config: { height: 360 } } });
    expect(back.head?.config).toMatchObject({ height: 720 });
    expect(heights.slice(-3)).toEqual([720, 360, 720]);
    for (const frame of [first, back]) {
      expect(video[video.indexOf(frame) - 1]?.epoch).toBe(frame.epoch);
    }
    expectWhole(video);
    expectWhole(server.frames('video-1'));
  });
});
