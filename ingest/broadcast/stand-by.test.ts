import { describe, expect, it } from 'vitest';

import { wallTime } from '#core/media/time.ts';

import type { SourceSample } from '../source.ts';
import { audioConfig, encode, START, videoConfig, type EncoderOptions } from '../timeline/testing/encoder.ts';
import { StandBy } from './stand-by.ts';

function standBy({ asks = false } = {}) {
  let now = START;
  const asked: number[] = [];
  const begins: SourceSample[] = [];
  const one = new StandBy({
    publisher: { stream: 'show', protocol: 'rtmp', address: '', clockRate: 1000, backup: true, disconnect: () => undefined, ...(asks ? { requestKey: () => void asked.push(now - START) } : {}) },
    clock: () => wallTime(now),
    memory: undefined,
  });
  const send = async (options: EncoderOptions): Promise<void> => {
    if (options.video !== false) {
      one.config(videoConfig);
    }
    one.config(audioConfig());
    for (const sample of encode({ startedAt: now, delay: 0, ...options })) {
      now = Math.max(now, sample.arrival);
      if (one.sample(sample)) {
        begins.push(sample);
      }
      await Promise.resolve();
    }
  };
  return { one, send, asked, begins, pass: (duration: number) => void (now += duration), now: () => wallTime(now) };
}

describe('a publisher on stand-by', () => {
  it('is kept back to its last key frame, sound included', async () => {
    const { one, send, begins } = standBy();
    expect(one.isReady).toBe(false);
    await send({ seconds: 3.5, gop: 30 });
    expect(one.isReady).toBe(true);
    expect(begins).toHaveLength(4);
    expect(one.samples[0]).toBe(begins.at(-1));
    expect(one.samples.filter(({ kind }) => kind === 'video')).toHaveLength(15);
    expect(one.samples.filter(({ kind }) => kind === 'audio').length).toBeGreaterThan(20);
  });

  it('is judged as if it were live', async () => {
    const { one, send } = standBy();
    await send({ seconds: 3, gop: 30, fps: 25 });
    expect(one.memory?.analysis).toMatchObject({ rate: { num: 25, den: 1 }, grid: false });
  });

  it('keeps about a second where there is sound alone', async () => {
    const { one, send } = standBy();
    await send({ seconds: 5, video: false });
    expect(one.samples).toHaveLength(50);
  });

  it.each([
    ['in frames', { fps: 240, gop: 100_000, seconds: 12 }],
    ['where nothing but keys come', { fps: 240, gop: 1, seconds: 12 }],
  ])('is kept within bounds %s', async (_what, options) => {
    const { one, send } = standBy();
    await send(options);
    expect(one.samples.length).toBeLessThanOrEqual(2000);
  });

  it('is kept within bounds in bytes', async () => {
    const { one, send, now } = standBy();
    await send({ seconds: 1 });
    for (let n = 0; n < 100; n += 1) {
      one.sample({ kind: 'video', timestamp: 1000 + n, compositionOffset: 0, key: false, data: new Uint8Array(1024 * 1024), arrival: now() });
      expect(one.samples.reduce((sum, { data }) => sum + data.length, 0)).toBeLessThanOrEqual(33 * 1024 * 1024);
    }
    expect(one.isReady).toBe(false);
  });

  it('forgets what was kept where its configuration changes, and not where it is said again', async () => {
    const { one, send } = standBy();
    await send({ seconds: 2 });
    one.config(videoConfig);
    expect(one.isReady).toBe(true);
    one.config({ ...videoConfig, width: 640, height: 360 });
    expect(one.isReady).toBe(false);
  });

  it('counts how long it sends without a pause', async () => {
    const { one, send, pass, now } = standBy();
    await send({ seconds: 3 });
    expect(one.steadyFor(now())).toBeGreaterThan(2900);
    pass(900);
    expect(one.steadyFor(now())).toBeGreaterThan(3800);
    pass(200);
    expect(one.steadyFor(now())).toBe(0);
    await send({ seconds: 2 });
    expect(one.steadyFor(now())).toBeLessThanOrEqual(2000);
  });

  it('is asked for a key frame each two seconds where its protocol can be asked, and none comes', async () => {
    const { asked, send } = standBy({ asks: true });
    await send({ seconds: 9, gop: 100_000 });
    expect(asked.length).toBe(5);
    expect(asked[0]).toBe(0);
  });

  it('tells its broadcaster what it is', async () => {
    const { one, send, now } = standBy();
    await send({ seconds: 3, gop: 30 });
    expect(one.examine(now())).toMatchObject({ warnings: [{ code: 'source/standing-by' }] });
  });
});
