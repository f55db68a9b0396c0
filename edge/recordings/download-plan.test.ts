import { createFile, MP4BoxBuffer, type Sample } from 'mp4box';
import { describe, expect, test } from 'vitest';

import { parseAvcC } from '#core/media/codecs/h264/avcc.ts';
import { NAL_IDR, NAL_PPS, NAL_SPS, nalType, splitLengthPrefixed } from '#core/media/codecs/h264/nal-unit.ts';
import type { Frame } from '#core/media/frame.ts';

import { planDownload } from './download-plan.ts';
import { bytesOf } from './send-download.ts';
import { AUDIO, epochOf, recorded, VIDEO } from './testing/recorded.ts';

/** The download as mp4box reads it: the samples of each track. */
async function download(frames: readonly Frame[], prepare: (broadcast: Awaited<ReturnType<typeof recorded>>['broadcast']) => void = () => {}) {
  const { broadcast } = await recorded(frames);
  prepare(broadcast);
  const plan = (await planDownload(broadcast)) ?? expect.fail('there is no plan');
  const parts: Uint8Array[] = [];
  for await (const part of bytesOf(plan, { first: 0, last: plan.size - 1 })) {
    parts.push(part ?? expect.fail('bytes are gone'));
  }
  const bytes = Uint8Array.from(Buffer.concat(parts));
  expect(bytes.length).toBe(plan.size);
  const file = createFile(true);
  const samples = new Map<string, Sample[]>();
  file.onReady = (info) => {
    info.tracks.forEach(({ id, codec }) => {
      samples.set(codec.startsWith('avc1') ? VIDEO : AUDIO, []);
      file.setExtractionOptions(id, codec.startsWith('avc1') ? VIDEO : AUDIO, { nbSamples: 100_000 });
    });
    file.start();
  };
  file.onSamples = (_id, user, batch) => samples.get(user as string)?.push(...batch);
  file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(bytes.buffer, 0));
  file.flush();
  return { plan, bytes, of: (track: string) => samples.get(track) ?? [] };
}

function framesOf(frames: readonly Frame[], track: string): readonly Frame[] {
  return frames.filter((frame) => frame.track === track);
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('one epoch', () => {
  test.each([VIDEO, AUDIO])('every frame of %s is there with its bytes, its times and whether decoding may begin there', async (track) => {
    const frames = epochOf('source-30', 0);
    const samples = (await download(frames)).of(track);
    const own = framesOf(frames, track);
    const [first] = own;
    expect(samples.map(({ data }) => hex(data ?? new Uint8Array(0)))).toEqual(own.map(({ data }) => hex(data)));
    expect(samples.map(({ cts, is_sync: key }) => [cts, key])).toEqual(own.map(({ pts, key }) => [pts - (first?.dts ?? 0), key]));
    expect(samples.map(({ dts }) => dts)).toEqual(own.map(({ dts }) => dts - (first?.dts ?? 0)));
  });
});

describe('two epochs, the second with another configuration', () => {
  const frames = [...epochOf('source-30', 0), ...epochOf('source-29.97', 1, { seconds: 30, groups: 40 })];

  test('have a sample entry each; key frames bring their parameter sets for who reads the first entry only', async () => {
    const { of } = await download(frames);
    const samples = of(VIDEO);
    const own = framesOf(frames, VIDEO);
    const configs = new Map(own.flatMap(({ epoch, head }) => (head === undefined ? [] : [[epoch, head.config] as const])));
    expect(samples).toHaveLength(own.length);
    samples.forEach(({ data = new Uint8Array(0), description_index: entry }, index) => {
      const frame = own[index];
      const extra = data.length - (frame?.data.length ?? 0);
      expect(hex(data.subarray(extra))).toBe(hex(frame?.data ?? new Uint8Array(0)));
      expect(entry).toBe(frame?.epoch);
      expect(extra > 0).toBe(frame?.key);
      if (extra > 0) {
        const { sps, pps } = parseAvcC(configs.get(frame?.epoch ?? -1)?.description ?? new Uint8Array(0));
        expect(splitLengthPrefixed(data.subarray(0, extra)).map(hex)).toEqual([...sps, ...pps].map(hex));
        expect(splitLengthPrefixed(data).map(nalType)).toEqual(expect.arrayContaining([NAL_SPS, NAL_PPS, NAL_IDR]));
      }
    });
  });

  test('follow each other without the time between them, picture and sound together', async () => {
    const { of } = await download(frames);
    for (const track of [VIDEO, AUDIO]) {
      const samples = of(track);
      const scale = samples[0]?.timescale ?? 1;
      const begins = framesOf(frames, track).findIndex(({ epoch }) => epoch === 1);
      const [last, next] = [Math.max(...samples.slice(0, begins).map(({ cts, duration }) => cts + duration)), samples[begins]?.cts ?? 0];
      expect(Math.abs(next - last) / scale).toBeLessThan(0.1);
    }
    // 12 s and 10.01 s.
    const [video, audio] = [VIDEO, AUDIO].map((track) => of(track)).map((samples) => (samples.at(-1)?.cts ?? 0) / (samples[0]?.timescale ?? 1));
    expect(Math.abs((video ?? 0) - (audio ?? 0))).toBeLessThan(0.1);
    expect(Math.abs((video ?? 0) - 22)).toBeLessThan(0.2);
  });
});

test('a group that only the picture lost stays as time', async () => {
  const frames = epochOf('source-30', 0);
  const lost = framesOf(frames, VIDEO).filter(({ group }) => group === (frames[0]?.group ?? 0) + 3);
  const { of } = await download(frames, ({ tracks }) => tracks.get(VIDEO)?.lose(lost[0]?.group ?? 0));
  const samples = of(VIDEO);
  expect(samples).toHaveLength(framesOf(frames, VIDEO).length - lost.length);
  const own = framesOf(frames, VIDEO);
  expect((samples.at(-1)?.dts ?? 0) - (samples[0]?.dts ?? 0)).toBe((own.at(-1)?.dts ?? 0) - (own[0]?.dts ?? 0));
});

test('sound alone is a file too', async () => {
  const frames = framesOf(epochOf('source-30', 0), AUDIO);
  const { of } = await download(frames);
  expect([of(VIDEO).length, of(AUDIO).length]).toEqual([0, frames.length]);
});

test('of nothing there is no plan', async () => {
  const { broadcast } = await recorded([]);
  expect(await planDownload(broadcast)).toBeUndefined();
});
