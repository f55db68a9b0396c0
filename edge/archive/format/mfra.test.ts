import { expect, test } from 'vitest';

import { chunk } from '#core/media/containers/fmp4/chunk.ts';
import { readBoxes } from '#core/media/containers/fmp4/read-boxes.ts';
import { ticks, VIDEO_TIMESCALE, wallTime } from '#core/media/time.ts';
import { configIdOf } from '#core/media/track.ts';

import { videoConfig, videoGroup } from '../../cmaf/testing/frames.ts';
import type { KeptSegment } from './index-line.ts';
import { mfra, moofOffset } from './mfra.ts';

const segment = (change: Partial<KeptSegment>): KeptSegment => ({
  group: 1, epoch: 0, config: configIdOf(videoConfig), timescale: VIDEO_TIMESCALE, pts: ticks(0), dts: ticks(0), ticks: ticks(90_000), wallTime: wallTime(0), bytes: 1000, volume: 0, offset: 700, moof: 32, key: true, ...change,
});

test('mfra says where each segment that begins with a key frame has its first moof, past 4 GiB too (ISO/IEC 14496-12, 8.8.9)', () => {
  const bytes = Buffer.from(mfra([segment({}), segment({ offset: 1700, key: false }), segment({ pts: ticks(2 ** 33), offset: 2 ** 33, moof: 132 })]));
  expect(readBoxes(bytes).map(({ type, size }) => [type, size])).toEqual([['mfra', bytes.length]]);
  const [tfra, mfro] = readBoxes(bytes.subarray(8));
  const table = Buffer.from(tfra!.payload);
  expect([tfra?.type, table.readUInt8(0), table.readUInt32BE(4), table.readUInt32BE(8), table.readUInt32BE(12)]).toEqual(['tfra', 1, 1, 0, 2]);
  const entry = (at: number): unknown[] => [table.readBigUInt64BE(at), table.readBigUInt64BE(at + 8), ...table.subarray(at + 16, at + 19)];
  expect(entry(16)).toEqual([0n, 732n, 1, 1, 1]);
  expect(entry(35)).toEqual([BigInt(2 ** 33), BigInt(2 ** 33 + 132), 1, 1, 1]);
  expect([mfro?.type, Buffer.from(mfro!.payload).readUInt32BE(4)]).toEqual(['mfro', bytes.length]);
});

test('the first moof is found behind what stands before it', () => {
  const frames = videoGroup(100, {}, 2);
  const plain = chunk(frames, { sequence: 1, start: ticks(0), end: ticks(6000) });
  const timed = chunk(frames, { sequence: 1, start: ticks(0), end: ticks(6000), producerReference: { wallTime: wallTime(1e12), pts: ticks(0) } });
  expect([moofOffset(plain), moofOffset(timed)]).toEqual([0, 32]);
  expect(moofOffset(Uint8Array.of(0, 0, 0, 4, 1, 2, 3, 4, 5))).toBe(0);
});
