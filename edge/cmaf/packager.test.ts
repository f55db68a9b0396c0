import { describe, expect, it } from 'vitest';
import { readChunks } from '#core/media/containers/fmp4/read-chunks.ts';
import type { Frame } from '#core/media/frame.ts';
import type { Ticks } from '#core/media/time.ts';
import { Packager } from './packager.ts';
import { messageAt, PackagerLog, segmentBytes, videoConfig, videoFrame, videoGroup } from './testing/frames.ts';

function packaged(frames: readonly Frame[]): { log: PackagerLog; packager: Packager } {
  const log = new PackagerLog();
  const packager = new Packager(log);
  frames.forEach((frame) => packager.push(frame));
  return { log, packager };
}

const wholeGroup = (group: number): string[] => [...[0, 1, 2, 3, 4].map((part) => `part ${group}.${part}`), `segment ${group}`];

describe('a packager', () => {
  it('gives out a part in the turn of its last frame', () => {
    const { log, packager } = packaged(videoGroup(100).slice(0, 5));
    expect(log.lines).toEqual(['init']);
    packager.push(videoFrame({ group: 100, index: 5 }));
    expect(log.lines).toEqual(['init', 'part 100.0']);
  });

  it('ends a segment where the next group begins', () => {
    const { log } = packaged([...videoGroup(100, {}, 27), videoFrame({ group: 101, index: 0, dts: 81_000 as Ticks, pts: 81_000 as Ticks })]);
    expect(log.lines).toEqual(['init', ...wholeGroup(100)]);
    const segment = log.segments.get(100);
    expect(segment?.complete).toBe(true);
    expect(segment?.parts.map((part) => part.duration)).toEqual([200, 200, 200, 200, 100]);
    expect(segment?.duration).toBe(900);
  });

  it('shows the last picture of a segment until the next group, as long as the part lasts no longer than others', () => {
    const frames = [...videoGroup(100, {}, 26), ...videoGroup(101, {}, 8), videoFrame({ group: 102, index: 0 })];
    const { log } = packaged(frames);
    expect(log.segments.get(100)?.duration).toBe(1000);
    expect(log.segments.get(101)?.parts.map((part) => part.duration)).toEqual([200, 200]);
  });

  it('ends the last segment when the broadcast ends, once', () => {
    const { log, packager } = packaged(videoGroup(100, {}, 8));
    packager.finish();
    packager.finish();
    packager.push(videoFrame({ group: 100, index: 8 }));
    expect(log.lines).toEqual(['init', 'part 100.0', 'part 100.1', 'segment 100']);
    expect(packager.discards.outside).toBe(1);
  });

  it('tiles a segment with its parts', () => {
    const { log } = packaged([...videoGroup(100), videoFrame({ group: 101, index: 0 })]);
    const segment = log.segments.get(100);
    let end = 0;
    for (const part of segment?.parts ?? []) {
      expect(part.offset).toBe(end);
      end += part.bytes.length;
    }
    expect(segment?.bytes).toBe(end);
  });

  it('takes tfdt, sequence and wall time from the frames', () => {
    const { log } = packaged([...videoGroup(107), ...videoGroup(108), videoFrame({ group: 109, index: 0 })]);
    const chunks = [107, 108].flatMap((group) => readChunks(segmentBytes(log.segments.get(group) as never)));
    expect(chunks.map((chunk) => chunk.baseMediaDecodeTime)).toEqual(Array.from({ length: 10 }, (_, part) => 7 * 90_000 + part * 18_000));
    expect(chunks.map((chunk) => chunk.sequence)).toEqual([0, 1, 2, 3, 4, 32, 33, 34, 35, 36].map((n) => 107 * 32 + n));
    expect(chunks.flatMap((chunk, place) => (chunk.producerReference === undefined ? [] : [[place, chunk.producerReference.pts]]))).toEqual([
      [0, 630_000],
      [5, 720_000],
    ]);
    expect(chunks[0]?.producerReference?.wallTime).toBeCloseTo(1_790_000_007_000, 5);
    expect(log.segments.get(108)?.wallTime).toBe(1_790_000_008_000);
  });

  it('puts the messages of a frame before the chunk that holds it', () => {
    const frames = videoGroup(101).map((frame) => {
      const count = ({ 0: 1, 7: 2, 8: 1, 29: 1 } as Record<number, number>)[frame.index] ?? 0;
      return count === 0 ? frame : { ...frame, events: Array.from({ length: count }, (_, n) => messageAt(frame, frame.index * 10 + n)) };
    });
    const { log } = packaged([...videoGroup(100), ...frames, videoFrame({ group: 102, index: 0 })]);
    const segment = log.segments.get(101);
    expect(segment?.parts.map(({ events }) => events?.map(({ data }) => data))).toEqual([['{"n":0}'], ['{"n":70}', '{"n":71}', '{"n":80}'], undefined, undefined, ['{"n":290}']]);
    const messages = readChunks(segmentBytes(segment as never)).map((chunk) => chunk.messages.map(({ presentationTime, timescale, id }) => [presentationTime, timescale, id]));
    const at = (index: number): number => 90_000 + index * 3000;
    expect(messages).toEqual([[[at(0), 90_000, 0]], [[at(7), 90_000, 70], [at(7), 90_000, 71], [at(8), 90_000, 80]], [], [], [[at(29), 90_000, 290]]]);
    expect(log.segments.get(100)?.parts.some((part) => 'events' in part)).toBe(false);
  });

  it('waits for the start of a group', () => {
    const { log, packager } = packaged([...videoGroup(100).slice(3), ...videoGroup(101), videoFrame({ group: 102, index: 0 })]);
    expect(log.lines).toEqual(['init', ...wholeGroup(101)]);
    expect(packager.discards.outside).toBe(27);
  });

  it('drops doubles, in any number', () => {
    const frames = [...videoGroup(100), ...videoGroup(101)];
    const { log, packager } = packaged([...frames.flatMap((frame) => [frame, frame]), ...frames, videoFrame({ group: 102, index: 0 })]);
    expect(log.lines).toEqual(['init', ...wholeGroup(100), ...wholeGroup(101)]);
    expect(packager.discards.doubles).toBe(120);
  });

  it('gives up a group whose writer was overtaken in its middle', () => {
    const { log } = packaged([...videoGroup(100, { fence: 1 }), ...videoGroup(101, { fence: 1 }, 18), ...videoGroup(102, { fence: 2 }), videoFrame({ group: 103, index: 0, fence: 2 })]);
    expect(log.lines).toEqual(['init', ...wholeGroup(100), 'part 101.0', 'part 101.1', 'part 101.2', 'gap 0: 101..101', ...wholeGroup(102)]);
  });

  it('keeps a group that its writer ended before it handed over', () => {
    const { log } = packaged([...videoGroup(100, { fence: 1 }), ...videoGroup(101, { fence: 2 }), videoFrame({ group: 102, index: 0, fence: 2 })]);
    expect(log.lines).toEqual(['init', ...wholeGroup(100), ...wholeGroup(101)]);
  });

  it('rejects a lower fence than one seen', () => {
    const { log, packager } = packaged([
      ...videoGroup(100, { fence: 2 }, 12),
      videoFrame({ group: 100, index: 12, fence: 1 }),
      ...videoGroup(100, { fence: 3 }).slice(12),
      ...videoGroup(101, { fence: 2 }),
      videoFrame({ group: 101, index: 0, fence: 3 }),
    ]);
    expect(log.lines).toEqual(['init', ...wholeGroup(100)]);
    expect(packager.discards.fenced).toBe(31);
  });

  it('loses the rest of a group that lacks a frame, the frames of its open part too', () => {
    const { log, packager } = packaged([
      ...videoGroup(100).filter((frame) => frame.index !== 10),
      ...videoGroup(101),
      videoFrame({ group: 102, index: 0 }),
    ]);
    expect(log.lines).toEqual(['init', 'part 100.0', 'gap 0: 100..100', ...wholeGroup(101)]);
    expect(log.segments.get(100)?.complete).toBe(false);
    expect(packager.discards.broken).toBe(4 + 19);
  });

  it('reports groups that never came, and the open one, whose end nobody knows', () => {
    const { log } = packaged([...videoGroup(100, {}, 8), ...videoGroup(103), videoFrame({ group: 104, index: 0 })]);
    expect(log.lines).toEqual(['init', 'part 100.0', 'gap 0: 100..102', ...wholeGroup(103)]);
  });

  it('reports a group whose start was lost as soon as that is known', () => {
    const { log } = packaged([...videoGroup(100), ...videoGroup(101).slice(2), ...videoGroup(102), videoFrame({ group: 103, index: 0 })]);
    expect(log.lines.slice(0, 7)).toEqual(['init', ...wholeGroup(100).slice(0, 5), 'gap 0: 100..101']);
    expect(log.lines.slice(7)).toEqual(wholeGroup(102));
  });

  it('gives up the open group when told of a loss', () => {
    const { log, packager } = packaged(videoGroup(100, {}, 8));
    packager.cut();
    packager.cut();
    [...videoGroup(101), videoFrame({ group: 102, index: 0 })].forEach((frame) => packager.push(frame));
    expect(log.lines).toEqual(['init', 'part 100.0', 'gap 0: 100..100', ...wholeGroup(101)]);
  });

  it('ends the segment where a new epoch begins, and reports no gap between epochs', () => {
    const { log } = packaged([
      ...videoGroup(100, {}, 8),
      ...videoGroup(101, { epoch: 1 }),
      ...videoGroup(5000, { epoch: 2 }),
      videoFrame({ group: 5001, index: 0, epoch: 2 }),
    ]);
    expect(log.lines).toEqual(['init', 'part 100.0', 'part 100.1', 'segment 100', ...wholeGroup(101), ...wholeGroup(5000)]);
    expect([100, 101, 5000].map((group) => log.segments.get(group)?.epoch)).toEqual([0, 1, 2]);
  });

  it('gives up the open group where a new epoch begins in the middle of one', () => {
    const { log } = packaged([...videoGroup(100, {}, 8), ...videoGroup(101, { epoch: 1 }).slice(4), ...videoGroup(102, { epoch: 1 }, 6)]);
    expect(log.lines).toEqual(['init', 'part 100.0', 'gap 0: 100..100', 'part 102.0']);
  });

  it('never uses a group number again in a later epoch', () => {
    const { log, packager } = packaged([...videoGroup(100), ...videoGroup(100, { epoch: 1 }), ...videoGroup(101, { epoch: 1 }), videoFrame({ group: 102, index: 0, epoch: 1 })]);
    expect(log.lines).toEqual(['init', ...wholeGroup(100), ...wholeGroup(101)]);
    expect(packager.discards.doubles).toBe(30);
  });

  it('marks the parts of a group that was cut without a key frame as not independent', () => {
    const { log } = packaged([
      ...videoGroup(100, { key: false }).map((frame) => (frame.index === 13 ? { ...frame, key: true } : frame)),
      videoFrame({ group: 101, index: 0 }),
    ]);
    expect(log.parts.map((part) => part.independent)).toEqual([false, false, true, false, false]);
  });

  it('changes its configuration at a group only', () => {
    const larger = { ...videoConfig, width: 1280, height: 720 };
    const { log } = packaged([
      ...videoGroup(100),
      ...videoGroup(101, { trackConfig: larger }),
      ...videoGroup(102, { trackConfig: larger }, 8),
      videoFrame({ group: 102, index: 8 }),
      ...videoGroup(103, {}, 6),
    ]);
    expect(log.lines).toEqual(['init', ...wholeGroup(100), 'init', ...wholeGroup(101), 'part 102.0', 'gap 0: 102..102', 'init', 'part 103.0']);
    expect(log.inits.size).toBe(2);
    expect(log.segments.get(101)?.config).not.toBe(log.segments.get(100)?.config);
  });

  it('loses a group whose decoding time does not rise', () => {
    const { log } = packaged([
      ...videoGroup(100),
      ...videoGroup(101).map((frame) => ({ ...frame, dts: (frame.dts - 90_000) as Ticks })),
      ...videoGroup(102).map((frame) => (frame.index === 7 ? { ...frame, dts: (frame.dts - 6000) as Ticks } : frame)),
      ...videoGroup(103, {}, 6),
    ]);
    expect(log.lines).toEqual(['init', ...wholeGroup(100), 'gap 0: 101..101', 'part 102.0', 'gap 0: 102..102', 'part 103.0']);
  });

  it('throws at the head of a group it has no box for, and goes on after it', () => {
    const log = new PackagerLog();
    const packager = new Packager(log);
    const frames = videoGroup(100, { trackConfig: { ...videoConfig, codec: 'vp8' } });
    expect(() => packager.push(frames[0] as Frame)).toThrow(expect.objectContaining({ code: 'media/unsupported' }));
    frames.slice(1).forEach((frame) => packager.push(frame));
    videoGroup(101, {}, 6).forEach((frame) => packager.push(frame));
    expect(log.lines).toEqual(['gap 0: 100..100', 'init', 'part 101.0']);
  });
});
