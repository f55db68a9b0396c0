import { describe, expect, it } from 'vitest';

import { millis } from '../../media/time.ts';
import { placeOf, testFrame } from '../testing/frames.ts';
import type { LocalConsumer } from './consumer.ts';
import { LocalTrack, type TrackOrigin } from './track.ts';

const readAll = (consumer: LocalConsumer): (string | undefined)[] => {
  const places = [];
  for (let frame = consumer.tryNext(); frame !== undefined; frame = consumer.tryNext()) {
    places.push(placeOf(frame));
  }
  return places;
};

describe('a track that takes frames of other processes', () => {
  it('takes a group from its first frame on, in order, once', () => {
    const [track, origin]: [LocalTrack, TrackOrigin] = [new LocalTrack(), { written: 0 }];
    const consumer = track.consume({});
    const taken = [[1, 1], [2, 0], [2, 1], [2, 1], [2, 0], [3, 0], [2, 2]].map(([group = 0, index = 0]) => track.take(testFrame(group, index), origin));
    expect(taken).toEqual(['cut', 'taken', 'taken', 'double', 'double', 'taken', 'double']);
    expect(readAll(consumer)).toEqual(['2.0', '2.1', '3.0']);
  });

  it('lets nobody go on in the middle of a group that another began', () => {
    const [track, first, second]: [LocalTrack, TrackOrigin, TrackOrigin] = [new LocalTrack(), { written: 0 }, { written: 0 }];
    const consumer = track.consume({});
    track.take(testFrame(1, 0), first);
    expect(track.take(testFrame(1, 1, { fence: 2 }), second)).toBe('cut');
    expect(track.take(testFrame(1, 2), first)).toBe('fenced');
    expect(track.take(testFrame(2, 0, { fence: 2 }), second)).toBe('taken');
    track.open(3).write(testFrame(2, 1, { fence: 3 }));
    expect(readAll(consumer)).toEqual(['1.0', '2.0']);
    expect(consumer.losses).toEqual({ groups: 0, frames: 1 });
  });

  it('leaves out the rest of a group of which something is missing, and tells its consumers', () => {
    const [track, origin]: [LocalTrack, TrackOrigin] = [new LocalTrack(), { written: 0 }];
    const consumer = track.consume({});
    track.take(testFrame(1, 0), origin);
    track.cut(origin);
    track.lose({ groups: 1, frames: 3 });
    expect([track.take(testFrame(1, 2), origin), track.take(testFrame(2, 0), origin)]).toEqual(['cut', 'taken']);
    expect(readAll(consumer)).toEqual(['1.0', '2.0']);
    expect(consumer.losses).toEqual({ groups: 1, frames: 3 });
  });

  it('keeps older groups in front of those that are here, for consumers that come later', () => {
    const [track, origin]: [LocalTrack, TrackOrigin] = [new LocalTrack(), { written: 0 }];
    track.take(testFrame(10, 0), origin);
    const before = track.consume({});
    const older = [[1, 0], [7, 1], [8, 0], [8, 1], [9, 0], [10, 0], [11, 0]].map(([group = 0, index = 0]) => testFrame(group, index));
    track.prepend(older, origin);
    // 1 is too old to keep, of 7 the beginning is missing, 10 is here, 11 is not older.
    expect(track.groups.map(({ group }) => group)).toEqual([8, 9, 10]);
    expect(readAll(before)).toEqual(['10.0']);
    expect(readAll(track.consume({ backlog: millis(8000) }))).toEqual(['8.0', '8.1', '9.0', '10.0']);
  });

  it('says of a consumer that waits for its backlog that it is behind, until it has read it', () => {
    const track = new LocalTrack();
    const consumer = track.consume({});
    expect(consumer.isBehind).toBe(false);
    consumer.awaitBacklog();
    track.open(1).write(testFrame(1, 0));
    consumer.tryNext();
    expect(consumer.isBehind).toBe(true);
    track.open(1).write(testFrame(2, 0));
    consumer.backlogArrived();
    expect(consumer.isBehind).toBe(true);
    consumer.tryNext();
    expect(consumer.isBehind).toBe(false);
  });

  it('forgets all but the fence', () => {
    const [track, origin]: [LocalTrack, TrackOrigin] = [new LocalTrack(), { written: 0 }];
    track.take(testFrame(5, 0, { fence: 4 }), origin);
    track.forget();
    expect([track.groups.length, track.last, track.fence]).toEqual([0, undefined, 4]);
    expect(track.take(testFrame(6, 0, { fence: 3 }), origin)).toBe('fenced');
    expect(track.take(testFrame(5, 0, { fence: 4 }), origin)).toBe('taken');
  });
});
