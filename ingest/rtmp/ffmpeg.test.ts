import { spawn } from 'node:child_process';

import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { splitLengthPrefixed, nalType } from '#core/media/codecs/h264/nal-unit.ts';

import { startRtmp, type RtmpStage } from './start.ts';
import { GOOD_KEY, RecordingRegistry, memoryLog, openPolicy, rtmpConfig, type RecordedPublisher } from './testing/harness.ts';

const SECONDS = 2;
const TIMEOUT = 30_000;

describe('ffmpeg as publisher', () => {
  const registry = new RecordingRegistry();
  let stage: RtmpStage;

  beforeAll(async () => {
    stage = await startRtmp({
      config: { ...rtmpConfig({ rtmpPort: 0 }), host: '127.0.0.1', tlsCert: undefined, tlsKey: undefined },
      policy: openPolicy(),
      registry,
      log: memoryLog().log,
      metrics: new Registry(),
    });
  });
  afterAll(() => stage.close());

  /** Runs ffmpeg to its end; its standard error. */
  function ffmpeg(args: readonly string[], path = `live/${GOOD_KEY}`): Promise<{ readonly code: number | null; readonly errors: string }> {
    const url = `rtmp://127.0.0.1:${stage.rtmpPort}/${path}`;
    const child = spawn('ffmpeg', ['-nostdin', '-hide_banner', '-loglevel', 'error', ...args, '-f', 'flv', url], { stdio: ['ignore', 'ignore', 'pipe'], timeout: TIMEOUT });
    let errors = '';
    child.stderr.on('data', (text: Buffer) => (errors += text.toString()));
    return new Promise((resolve) => child.on('close', (code) => resolve({ code, errors })));
  }

  async function publish(...args: string[]): Promise<RecordedPublisher> {
    const before = registry.publishers.length;
    expect(await ffmpeg(args)).toEqual({ code: 0, errors: '' });
    const publisher = registry.publishers[before];
    if (publisher === undefined) {
      throw new Error('ffmpeg did not publish');
    }
    await registry.until(() => publisher.ended !== undefined);
    return publisher;
  }

  const picture = (rate: string): string[] => ['-re', '-f', 'lavfi', '-i', `testsrc2=s=320x180:r=${rate}`];
  const tone = ['-f', 'lavfi', '-i', 'sine=r=48000'];

  it('every frame arrives: B-frames, 29.97 frames a second, AAC', { timeout: TIMEOUT }, async () => {
    const publisher = await publish(...picture('30000/1001'), ...tone, '-t', `${SECONDS}`, '-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-g', '30', '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-ac', '2');
    const video = publisher.samples.filter(({ kind }) => kind === 'video');
    expect(video).toHaveLength(60);
    expect(video.filter(({ key }) => key)).toHaveLength(2);
    expect(video.some(({ compositionOffset }) => compositionOffset > 34)).toBe(true);
    expect(video.every(({ data }) => splitLengthPrefixed(data).every((nal) => [1, 5, 6].includes(nalType(nal))))).toBe(true);
    const steps = video.slice(1).map(({ timestamp }, i) => timestamp - (video[i]?.timestamp ?? 0));
    expect(steps.every((step) => step === 33 || step === 34)).toBe(true);
    expect(publisher.samples.filter(({ kind }) => kind === 'audio').length).toBeGreaterThanOrEqual(Math.floor((SECONDS * 48_000) / 1024));
    expect(publisher.configs).toMatchObject([
      { kind: 'video', width: 320, height: 180 },
      { kind: 'audio', codecString: 'mp4a.40.2', sampleRate: 48_000, channels: 2 },
    ]);
    expect(publisher.claims).toEqual([expect.objectContaining({ encoder: expect.stringContaining('Lavf'), hasAudio: true, hasVideo: true })]);
    expect([publisher.warnings, publisher.ended]).toEqual([[], 'unpublished']);
  });

  it('60 frames a second without sound, then sound alone', { timeout: TIMEOUT }, async () => {
    const silent = await publish(...picture('60'), '-t', '1', '-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p');
    expect(silent.samples.map(({ kind }) => kind)).toEqual(Array(60).fill('video'));
    const sound = await publish('-re', ...tone, '-t', '1', '-c:a', 'aac');
    expect(new Set(sound.samples.map(({ kind }) => kind))).toEqual(new Set(['audio']));
    expect(sound.claims).toEqual([expect.objectContaining({ hasAudio: true, hasVideo: false })]);
  });

  it('a wrong key is shown with its reason', { timeout: TIMEOUT }, async () => {
    const { code, errors } = await ffmpeg([...picture('30'), '-t', '1', '-c:v', 'libx264', '-preset', 'ultrafast'], 'live/demo_wrongwrongwrongwrong');
    expect(code).not.toBe(0);
    expect(errors).toContain('This stream key is not known. Check it.');
  });

  it('another app is shown with its reason', { timeout: TIMEOUT }, async () => {
    const { code, errors } = await ffmpeg([...picture('30'), '-t', '1', '-c:v', 'libx264', '-preset', 'ultrafast'], `vod/${GOOD_KEY}`);
    expect(code).not.toBe(0);
    expect(errors).toContain('Publish to rtmp://HOST/live');
  });

  it('MP3 is refused with a reason', { timeout: TIMEOUT }, async () => {
    const before = registry.publishers.length;
    const { errors } = await ffmpeg([...picture('30'), ...tone, '-t', '4', '-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'libmp3lame', '-ar', '44100']);
    expect(errors).toContain('The encoder sends MP3');
    expect(registry.publishers[before]).toMatchObject({ ended: 'lost', warnings: [{ code: 'rtmp/unsupported-track' }] });
  });
});
