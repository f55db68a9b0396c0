import { describe, expect, test } from 'vitest';

import { wallTime } from '#core/media/time.ts';

import { info, ladder } from '../testing/shelf-harness.ts';
import { formatRecord, parseRecord, type BroadcastRecord } from './broadcast-file.ts';

const open: BroadcastRecord = { id: info.broadcast, stream: 'show', startedAt: wallTime(1e12), isRecording: true, state: 'open', bytes: 0, duration: 0, lostGroups: 0 };
const finished: BroadcastRecord = { ...open, state: 'finished', endedAt: wallTime(2e12), bytes: 5e10, duration: 1e7, lostGroups: 2, ladder };

describe('broadcast.json', () => {
  test.each([
    ['open', open],
    ['finished', finished],
  ])('of a broadcast that is %s is read as it was written, its ladder with the bytes of its configurations', (_name, record) => {
    expect(parseRecord(formatRecord(record), info.broadcast)).toEqual(record);
  });

  test.each([
    ['empty', ''],
    ['cut off', formatRecord(finished).slice(0, -3)],
    ['binary', '\u0000\u0001'],
    ['of another version', formatRecord(open).replace('"version":1', '"version":2')],
    ["another broadcast's", formatRecord(open).replace(info.broadcast, 'otherother1')],
    ['without its stream', formatRecord(open).replace('"stream"', '"s"')],
    ['of a stream that cannot be', formatRecord(open).replace('"show"', '"../etc"')],
    ['of an instant that no date can tell', formatRecord(open).replace('1000000000000', '1e300')],
    ['with an end that no date can tell', formatRecord(finished).replace('2000000000000', '-1')],
    ['in a state that cannot be', formatRecord(open).replace('"open"', '"ajar"')],
  ])('that is %s says nothing', (_name, text) => {
    expect(parseRecord(text, info.broadcast)).toBeUndefined();
  });

  test('whose ladder makes no sense keeps its facts', () => {
    const { ladder: _, ...facts } = finished;
    expect(parseRecord(formatRecord(finished).replace('"passthrough"', '"teleported"'), info.broadcast)).toEqual(facts);
  });
});
