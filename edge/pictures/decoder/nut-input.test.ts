import { expect, test } from 'vitest';

import { parseAvcC } from '#core/media/codecs/h264/avcc.ts';
import { NAL_IDR, NAL_PPS, NAL_SPS, nalType, splitLengthPrefixed } from '#core/media/codecs/h264/nal-unit.ts';
import { NutDemuxer } from '#core/media/containers/nut/demuxer.ts';
import { loadVector } from '#test/vectors/load.ts';

import type { KeyFrame } from '../key-frame.ts';
import { nutInput } from './nut-input.ts';

/** Key frames of a recorded broadcast. */
const frames: KeyFrame[] = loadVector('source-30').flatMap(({ head, data }) => (head?.config.kind === 'video' ? [{ config: head.config, data }] : []));

test('each key frame is shown at the second of its place, with its own parameter sets before it', () => {
  const demuxer = new NutDemuxer();
  const [a, b, c] = [frames[0], frames[1], frames[2]];
  const packets = nutInput([undefined, a, b, undefined, c]).flatMap((chunk) => demuxer.push(chunk));
  expect(packets.map(({ pts, key }) => [pts, key])).toEqual([[1, true], [2, true], [4, true]]);
  expect(packets.map(({ data }) => splitLengthPrefixed(data).slice(0, 2).map(nalType))).toEqual(Array.from({ length: 3 }, () => [NAL_SPS, NAL_PPS]));
  for (const [index, frame] of [a, b, c].entries()) {
    const units = splitLengthPrefixed(packets[index]?.data ?? new Uint8Array());
    expect(units[0]).toEqual(parseAvcC(frame?.config.description ?? new Uint8Array()).sps[0]);
    expect(units.map(nalType)).toContain(NAL_IDR);
    expect(Buffer.concat(units.slice(2)).equals(Buffer.concat(splitLengthPrefixed(frame?.data ?? new Uint8Array())))).toBe(true);
  }
});

test('without a frame there is nothing', () => {
  expect(nutInput([])).toEqual([]);
  expect(nutInput([undefined, undefined])).toEqual([]);
});

test('a frame that cannot be taken apart is refused before a decoder is started', () => {
  const [frame] = frames;
  const cut = { config: frame!.config, data: frame!.data.slice(0, 100) };
  expect(() => nutInput([cut])).toThrow(expect.objectContaining({ code: 'media/truncated' }));
});
