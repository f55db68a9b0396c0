import { describe, expect, test } from 'vitest';

import type { NodeInfo, TranscodeLoad } from '#core/bus/node.ts';
import { wallTime } from '#core/media/time.ts';
import { claimDelay, LONGEST_DELAY, peersOf, roomiest, roomOf } from './room.ts';

const load = (facts: Partial<TranscodeLoad> = {}): TranscodeLoad => ({ megapixelsPerSecond: 1000, budget: 600, used: 0, broadcasts: 0, cores: 4, ...facts });
const node = (name: string, facts: Partial<NodeInfo> = {}): NodeInfo => ({ node: name, roles: ['transcode'], version: '1', startedAt: wallTime(0), draining: false, transcode: load(), ...facts });

describe('how long a transcoder gives way', () => {
  test.each([
    { name: 'alone: not at all', own: load({ used: 600 }), others: [], from: 0, to: 0 },
    { name: 'the emptiest: not at all', own: load({ used: 100 }), others: [load({ used: 101 }), load({ used: 300 })], from: 0, to: 0 },
    { name: 'as empty as the others: not at all', own: load(), others: [load()], from: 0, to: 0 },
    { name: 'a little fuller: longer than an announcement takes to reach all', own: load({ used: 10 }), others: [load()], from: 40, to: 60 },
    { name: 'half full beside an empty one', own: load({ used: 300 }), others: [load()], from: 150, to: 200 },
    { name: 'full beside an empty one: the longest', own: load({ used: 600 }), others: [load()], from: LONGEST_DELAY, to: LONGEST_DELAY },
    { name: 'more than full where all are full: no longer than the longest', own: load({ used: 5000 }), others: [load({ used: 600 })], from: 40, to: LONGEST_DELAY },
    { name: 'a small machine beside a large one', own: load({ budget: 60 }), others: [load()], from: 250, to: LONGEST_DELAY },
    { name: 'broadcasts that are only passed through count too', own: load({ broadcasts: 8 }), others: [load({ broadcasts: 4 })], from: 40, to: 60 },
  ])('$name', ({ own, others, from, to }) => {
    const delay = claimDelay(own, others);
    expect(delay).toBeGreaterThanOrEqual(from);
    expect(delay).toBeLessThanOrEqual(to);
  });
});

test('cores share what is passed through', () => {
  expect(roomOf(load({ used: 100, broadcasts: 8, cores: 2 }))).toBe(496);
});

test('peers are the others that transcode and do not leave', () => {
  const { transcode: _none, ...edge } = node('edge', { roles: ['edge'] });
  expect(peersOf([node('a'), node('b'), node('c', { draining: true }), edge], 'a').map(({ node: name }) => name)).toEqual(['b']);
});

test('what is handed over goes to the one with most room, what it was promised before taken off', () => {
  const peers = peersOf([node('b'), node('c', { transcode: load({ used: 100 }) })], 'a');
  expect(roomiest(peers, new Map())).toBe('b');
  expect(roomiest(peers, new Map([['b', 150]]))).toBe('c');
  expect(roomiest([], new Map())).toBeUndefined();
});
