import { expect, test } from 'vitest';

import { SegmentBlocks } from './segment-blocks.ts';
import { KeptBroadcast, KeptTrack } from './testing/kept.ts';
import { Timeline } from './timeline.ts';

function blocksOf(track: KeptTrack): { readonly list: (first: number) => ReturnType<SegmentBlocks['list']> } {
  const timeline = new Timeline(new KeptBroadcast(track).tracks, 'group');
  const blocks = new SegmentBlocks(track, timeline);
  return {
    list: (first) => {
      timeline.update();
      return blocks.list(first);
    },
  };
}

test('of two hours, a new segment and one that leaves change the first and the last stretch alone', () => {
  const track = new KeptTrack('video').groups(0, 7199);
  const blocks = blocksOf(track);
  const before = blocks.list(0);
  track.groups(7200, 7200);
  const after = blocks.list(1);
  const changed = after.filter((block) => !before.includes(block));
  expect(before.length).toBeGreaterThan(40);
  expect(changed).toEqual([after[0], after.at(-1)]);
});

test('stretches put together are the text of all segments in a row', () => {
  const track = new KeptTrack('video').groups(0, 299).groups(310, 600);
  const textOf = (blocks: ReturnType<typeof blocksOf>, from: number): string => Buffer.concat(blocks.list(from).map(({ plain }) => plain)).toString();
  const kept = blocksOf(track);
  textOf(kept, 0);
  expect(textOf(kept, 5)).toBe(textOf(blocksOf(track), 5));
  expect(textOf(kept, 5).match(/#EXT-X-GAP/g)).toHaveLength(10);
});
