import { describe, expect, it } from 'vitest';
import { sequenceNumber } from './sequence-number.ts';

describe('sequenceNumber', () => {
  it('rises from part to part and from group to group', () => {
    const numbers = [1_790_000_000, 1_790_000_001].flatMap((group) => Array.from({ length: 16 }, (_, part) => sequenceNumber(group, part)));
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  });

  it('fits 32 bits, whatever its place', () => {
    expect(sequenceNumber(134_217_728, 0)).toBe(0);
    expect(sequenceNumber(4_000_000_000, 500)).toBe((4_000_000_000 * 32 + 31) % 2 ** 32);
  });
});
