import { expect, test } from 'vitest';

import { initSegment } from '#core/media/containers/fmp4/init-segment.ts';
import { findBox, readBoxes, requireBox } from '#core/media/containers/fmp4/read-boxes.ts';

import { audioConfig, videoConfig } from '../../cmaf/testing/frames.ts';
import { movieHead, type MovieTrack } from './movie.ts';
import { SampleTables } from './sample-tables.ts';

/** A track of chunks of so many samples; each sample has 100 bytes and lasts 3000 ticks. */
function videoTrack(chunks: readonly { readonly offset: number; readonly samples: number }[], { offset = 0, start = 0 } = {}): MovieTrack {
  const tables = new SampleTables();
  let dts = 500_000;
  for (const chunk of chunks) {
    tables.chunk(chunk.offset, 1);
    for (let i = 0; i < chunk.samples; i++) {
      tables.sample({ dts, pts: dts + offset, size: 100, key: i === 0 });
      dts += 3000;
    }
  }
  tables.end(3000);
  return { kind: 'video', timescale: 90_000, inits: [initSegment(videoConfig)], tables, start };
}

function headOf(tracks: readonly MovieTrack[], mediaSize: number) {
  const { head, size } = movieHead(tracks, mediaSize, 0);
  const bytes = Buffer.concat(head.parts);
  // What follows is not there: the reader is told that mdat ends where it begins.
  const moov = requireBox(readBoxes(bytes.subarray(0, bytes.length - (mediaSize >= 0x8000_0000 ? 16 : 8))), 'moov');
  return { bytes, size, moov };
}

function fields(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(4 * i));
}

test('tables of a track: runs of durations and chunks, sizes, sync samples, places in the file', () => {
  const { bytes, size, moov } = headOf([videoTrack([{ offset: 0, samples: 3 }, { offset: 300, samples: 3 }, { offset: 700, samples: 2 }])], 900);
  const stbl = requireBox(moov.children, 'trak/mdia/minf/stbl').children;
  expect(fields(requireBox(stbl, 'stts').payload)).toEqual([0, 1, 8, 3000]);
  expect(findBox(stbl, 'ctts')).toBeUndefined();
  expect(fields(requireBox(stbl, 'stss').payload)).toEqual([0, 3, 1, 4, 7]);
  expect(fields(requireBox(stbl, 'stsc').payload)).toEqual([0, 2, 1, 3, 1, 3, 2, 1]);
  expect(fields(requireBox(stbl, 'stsz').payload)).toEqual([0, 0, 8, ...Array.from({ length: 8 }, () => 100)]);
  expect(fields(requireBox(stbl, 'stco').payload)).toEqual([0, 3, bytes.length, bytes.length + 300, bytes.length + 700]);
  expect(size).toBe(bytes.length + 900);
  expect(findBox(moov.children, 'trak/edts')).toBeUndefined();
});

test('the file is laid out for who reads it from the start: ftyp, moov, mdat', () => {
  const { bytes } = headOf([videoTrack([{ offset: 0, samples: 1 }])], 100);
  const whole = Buffer.concat([bytes, Buffer.alloc(100)]);
  expect(readBoxes(whole).map(({ type }) => type)).toEqual(['ftyp', 'moov', 'mdat']);
});

test('pictures that are shown after they are decoded begin at 0: an edit takes the difference out', () => {
  const { moov } = headOf([videoTrack([{ offset: 0, samples: 2 }], { offset: 6000 })], 200);
  const elst = requireBox(moov.children, 'trak/edts').children[0];
  expect(fields(elst?.payload ?? new Uint8Array(0))).toEqual([0x0100_0000, 1, 0, 6000, 0, 6000, 0x0001_0000]);
  expect(fields(requireBox(moov.children, 'trak/mdia/minf/stbl/ctts').payload)).toEqual([0, 1, 2, 6000]);
});

test('a track that begins later than the other is held back by an empty edit', () => {
  const { moov } = headOf([videoTrack([{ offset: 0, samples: 2 }], { start: 4500 })], 200);
  const elst = requireBox(moov.children, 'trak/edts').children[0];
  expect(fields(elst?.payload ?? new Uint8Array(0))).toEqual([0x0100_0000, 2, 0, 4500, 0xffff_ffff, 0xffff_ffff, 0x0001_0000, 0, 6000, 0, 0, 0x0001_0000]);
});

test('a sample that would be decoded before the one before it is decoded right after it, and shown when it should be', () => {
  const tables = new SampleTables();
  tables.chunk(0, 1);
  [[0, 0], [3000, 3000], [2000, 8000], [9000, 11_000]].forEach(([dts = 0, pts = 0]) => tables.sample({ dts, pts, size: 1, key: true }));
  tables.end(3000);
  const { moov } = headOf([{ kind: 'video', timescale: 90_000, inits: [initSegment(videoConfig)], tables, start: 0 }], 4);
  const stbl = requireBox(moov.children, 'trak/mdia/minf/stbl').children;
  expect(fields(requireBox(stbl, 'stts').payload)).toEqual([0, 4, 1, 3000, 1, 1, 1, 5999, 1, 3000]);
  expect(fields(requireBox(stbl, 'ctts').payload)).toEqual([0, 3, 2, 0, 1, 4999, 1, 2000]);
});

test('several configurations are several sample entries', () => {
  const tables = new SampleTables();
  [1, 2].forEach((entry, index) => {
    tables.chunk(100 * index, entry);
    tables.sample({ dts: 1024 * index, pts: 1024 * index, size: 100, key: true });
  });
  tables.end(1024);
  const { moov } = headOf([{ kind: 'audio', timescale: 48_000, inits: [initSegment(audioConfig), initSegment({ ...audioConfig, channels: 1 })], tables, start: 0 }], 200);
  const stbl = requireBox(moov.children, 'trak/mdia/minf/stbl').children;
  expect(requireBox(stbl, 'stsd').children.map(({ type }) => type)).toEqual(['mp4a', 'mp4a']);
  expect(fields(requireBox(stbl, 'stsc').payload)).toEqual([0, 2, 1, 1, 1, 2, 1, 2]);
  expect(findBox(stbl, 'stss')).toBeUndefined();
});

test('a file of 4 GiB and more has offsets and sizes of 64 bits', () => {
  const gib = 2 ** 30;
  const { bytes, size, moov } = headOf([videoTrack([{ offset: 0, samples: 1 }, { offset: 5 * gib, samples: 1 }])], 6 * gib);
  const stbl = requireBox(moov.children, 'trak/mdia/minf/stbl').children;
  expect(findBox(stbl, 'stco')).toBeUndefined();
  const [, count, high0, low0, high1 = 0, low1 = 0] = fields(requireBox(stbl, 'co64').payload);
  expect([count, high0, low0, high1 * 2 ** 32 + low1]).toEqual([2, 0, bytes.length, 5 * gib + bytes.length]);
  expect(fields(bytes.subarray(-16))).toEqual([1, 0x6d64_6174, 1, 2 * gib + 16]);
  expect(size).toBe(bytes.length + 6 * gib);
});
