import { expect, test } from 'vitest';

import { SEQUENCES, packetIndex } from './packet-index.ts';

const turn = (rollover: number, sequenceNumber: number): number => rollover * SEQUENCES + sequenceNumber;

test.each([
  ['the first packet', -1, 65_535, 65_535],
  ['the next packet', turn(0, 10), 11, turn(0, 11)],
  ['a late packet', turn(3, 10), 8, turn(3, 8)],
  ['the wrap', turn(0, 65_535), 0, turn(1, 0)],
  ['a loss around the wrap', turn(6, 65_000), 400, turn(7, 400)],
  ['a late packet of the turn before', turn(7, 400), 65_000, turn(6, 65_000)],
  ['a late packet before the first turn', turn(0, 3), 65_530, -6],
  ['half a turn ahead of a low number', turn(2, 0), 32_768, turn(2, 32_768)],
  ['more than half a turn ahead of a low number', turn(2, 0), 32_769, turn(1, 32_769)],
  ['half a turn behind a high number', turn(2, 32_768), 0, turn(2, 0)],
  ['more than half a turn behind a high number', turn(2, 32_769), 0, turn(3, 0)],
  ['a turn beyond 32 bits of index', turn(0xffff_fffe, 65_535), 1, turn(0xffff_ffff, 1)],
])('RFC 3711, appendix A: %s', (_, highest, sequenceNumber, index) => {
  expect(packetIndex(highest, sequenceNumber)).toBe(index);
});
