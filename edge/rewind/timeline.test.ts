import { expect, test } from 'vitest';

import type { ArchivedSegment } from '../archive/archive.ts';
import { KeptBroadcast, KeptTrack } from './testing/kept.ts';
import { Timeline } from './timeline.ts';

test('an index whose groups jump by millions stops nobody: the newest of what is lost between them is told', () => {
  const track = new KeptTrack('video').groups(100, 101).groups(50_000_000, 50_000_001);
  const timeline = new Timeline(new KeptBroadcast(track).tracks, 'group');
  timeline.update();
  const [, before, after] = track.segments as [ArchivedSegment, ArchivedSegment, ArchivedSegment];
  const [lost] = timeline.lostBetween(track, before, after);
  expect([lost?.groups.length, lost?.groups.at(-1)?.group]).toEqual([100_000, 49_999_999]);
});
