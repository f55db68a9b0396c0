import { expect, test } from 'vitest';

import { SegmentBlocks } from './segment-blocks.ts';
import { KeptTrack } from './testing/kept.ts';

test('of two hours, a new segment and one that leaves change the first and the last stretch alone', () => {
  const { segments } = new KeptTrack('video').groups(0, 7199);
  const blocks = new SegmentBlocks();
  const before = blocks.list(segments, 0);
  segments.push(...new KeptTrack('video').groups(7200, 7200).segments);
  const after = blocks.list(segments, 1);
  const changed = after.filter((block) => !before.includes(block));
  expect(before.length).toBeGreaterThan(40);
  expect(changed).toEqual([after[0], after.at(-1)]);
});

test('stretches put together are the text of all segments in a row', () => {
  const { segments } = new KeptTrack('video').groups(0, 299).groups(310, 600);
  const joined = (blocks: SegmentBlocks, from: number): string => Buffer.concat(blocks.list(segments, from).map(({ plain }) => plain)).toString();
  const kept = new SegmentBlocks();
  joined(kept, 0);
  expect(joined(kept, 5)).toBe(joined(new SegmentBlocks(), 5));
  expect(joined(kept, 5).match(/#EXT-X-GAP/g)).toHaveLength(10);
});
