import { expect, test } from 'vitest';

import { PacketBatch } from '../packet-batch.ts';

import { Segments } from './segments.ts';

/** Messages as `start+length/size x packets`. */
function split(lengths: readonly number[], segmented = true, first = 0): string[] {
  const batch = new PacketBatch();
  batch.reset(0);
  lengths.forEach((length) => batch.add(length));
  return describe(batch, segmented, first);
}

function describe(batch: PacketBatch, segmented: boolean, first: number): string[] {
  const segments = new Segments();
  segments.split(batch, first, segmented);
  return Array.from({ length: segments.count }, (_, i) => `${segments.starts[i]}+${segments.lengths[i]}/${segments.sizes[i]}x${segments.packets[i]}@${segments.firsts[i]}`);
}

test.each<[string, readonly number[], readonly string[]]>([
  ['nothing', [], []],
  ['one packet', [700], ['0+700/700x1@0']],
  ['equal packets', [1200, 1200, 1200], ['0+3600/1200x3@0']],
  ['a shorter last packet', [1200, 1200, 700], ['0+3100/1200x3@0']],
  ['a small packet before a frame', [300, 1200, 1200, 1200, 700], ['0+300/300x1@0', '300+4300/1200x4@1']],
  ['a frame after a shorter last packet', [1200, 700, 1200, 1200], ['0+1900/1200x2@0', '1900+2400/1200x2@2']],
  ['packets that rise', [100, 101, 102], ['0+100/100x1@0', '100+101/101x1@1', '201+102/102x1@2']],
  ['packets that fall', [102, 101, 100], ['0+203/102x2@0', '203+100/100x1@2']],
  ['packets left out', [100, 0, 100, 100, 0, 0, 100], ['0+100/100x1@0', '100+200/100x2@2', '300+100/100x1@6']],
])('splits %s', (_, lengths, expected) => {
  expect(split(lengths)).toEqual(expected);
});

test('one message for each packet where segments are not taken, from any packet on', () => {
  expect(split([300, 1200, 1200, 700], false, 1)).toEqual(['300+1200/1200x1@1', '1500+1200/1200x1@2', '2700+700/700x1@3']);
});

test('packets that do not touch are not joined', () => {
  const batch = new PacketBatch();
  batch.reset(16);
  batch.add(100);
  batch.add(100);
  expect(describe(batch, true, 0)).toEqual(['0+100/100x1@0', '116+100/100x1@1']);
});

test('a full batch of packets that cannot be joined fits', () => {
  expect(split(Array.from({ length: 64 }, (_, i) => i + 1))).toHaveLength(64);
  expect(split(Array.from({ length: 64 }, () => 1000))).toEqual(['0+64000/1000x64@0']);
});
