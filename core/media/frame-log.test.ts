import { describe, expect, it } from 'vitest';

import { frameLogMagic, frameLogRecord, readFrameLog, writeFrameLog } from './frame-log.ts';
import { broadcastId, type Frame } from './frame.ts';
import { ticks, timescale, VIDEO_TIMESCALE, wallTime } from './time.ts';
import { configIdOf, trackName, type TrackConfig } from './track.ts';

const video: TrackConfig = {
  kind: 'video',
  codec: 'h264',
  codecString: 'avc1.64001f',
  description: Uint8Array.of(1, 0x64, 0, 0x1f, 0xff),
  width: 1280,
  height: 720,
  timescale: VIDEO_TIMESCALE,
  frameDuration: 1501.5,
  reordered: true,
};
const audio: TrackConfig = {
  kind: 'audio',
  codec: 'aac',
  codecString: 'mp4a.40.2',
  description: Uint8Array.of(0x12, 0x10),
  sampleRate: 44_100,
  channels: 2,
  timescale: timescale(44_100),
  frameDuration: 1024,
};

function frame(track: string, config: TrackConfig, index: number, data: Uint8Array): Frame {
  return {
    broadcast: broadcastId('abcdefgh1234'),
    epoch: 2,
    fence: 7,
    track: trackName(track),
    group: 1_763_798_400,
    index,
    pts: ticks(9_007_199_254),
    dts: ticks(9_007_196_251),
    duration: ticks(1502),
    key: index === 0,
    config: configIdOf(config),
    data,
    ...(index === 0 ? { head: { config, wallTime: wallTime(1_763_798_400_123.25) } } : {}),
  };
}

const frames = [
  frame('video', video, 0, Uint8Array.of(0, 0, 0, 1, 0x65)),
  frame('audio', audio, 0, new Uint8Array(0)),
  frame('video', video, 1, new Uint8Array(70_000).fill(0xab)),
];

describe('a frame log', () => {
  it('gives back the frames that were written, heads and all', () => {
    expect(readFrameLog(writeFrameLog(frames))).toEqual({ frames, truncated: false });
  });

  it('gives back messages, with a head and without', () => {
    const event = { id: '0123456789abcdef0123456789abcdef', type: 'poll', pts: ticks(9_007_199_254), data: '{"text":"¿Qué?\\n"}' };
    const written = frames.map((one, at) => ({ ...one, events: [event, { ...event, id: `${at}`.repeat(32) }] }));
    expect(readFrameLog(writeFrameLog(written))).toEqual({ frames: written, truncated: false });
  });

  it('has nothing of a list of messages that is empty', () => {
    expect(readFrameLog(writeFrameLog(frames.map((one) => ({ ...one, events: [] }))))).toEqual({ frames, truncated: false });
  });

  it.each([
    ['no list', 'poll'],
    ['a message without an id', [{ type: 'poll', pts: 1, data: '1' }]],
    ['a message with an id that is none', [{ id: 'x', type: 'poll', pts: 1, data: '1' }]],
    ['a message of no type', [{ id: '0'.repeat(32), type: '', pts: 1, data: '1' }]],
    ['a message without a time', [{ id: '0'.repeat(32), type: 'poll', data: '1' }]],
  ])('is refused where its messages are %s', (_name, events) => {
    const log = writeFrameLog([{ ...(frames[2] as Frame), events: events as never }]);
    expect(() => readFrameLog(log)).toThrow(RangeError);
  });

  it('is the same bytes whether it was written at once or appended to', () => {
    const appended = [frameLogMagic(), ...frames.map(frameLogRecord)].flatMap((piece) => [...piece]);
    expect([...writeFrameLog(frames)]).toEqual(appended);
  });

  it('keeps configuration ids', () => {
    const read = readFrameLog(writeFrameLog(frames)).frames[0];
    expect(read?.head && configIdOf(read.head.config)).toBe(configIdOf(video));
  });

  it('copies the data, so that the log may be let go', () => {
    const log = writeFrameLog(frames);
    const read = readFrameLog(log);
    log.fill(0);
    expect(read.frames[0]?.data).toEqual(frames[0]?.data);
  });

  it('can be read up to its last whole record wherever it was cut', () => {
    const log = writeFrameLog(frames.slice(0, 2));
    const first = 8 + frameLogRecord(frames[0] as Frame).length;
    for (let length = 8; length < log.length; length += 1) {
      const read = readFrameLog(log.subarray(0, length));
      expect(read.frames.length).toBe(length >= first ? 1 : 0);
      expect(read.truncated).toBe(length !== 8 && length !== first);
    }
  });

  it.each([
    ['nothing', new Uint8Array(0)],
    ['another magic', Uint8Array.of(0x4d, 0x52, 0x46, 0x4c, 0, 0, 0, 2)],
    ['an absurd length', Uint8Array.of(...frameLogMagic(), 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0)],
    ['a record that is not JSON', Uint8Array.of(...frameLogMagic(), 0, 0, 0, 1, 0, 0, 0, 0, 0x7b)],
    ['a record without fields', Uint8Array.of(...frameLogMagic(), 0, 0, 0, 2, 0, 0, 0, 0, 0x5b, 0x5d)],
  ])('is refused where it is %s', (_name, bytes) => {
    expect(() => readFrameLog(bytes)).toThrow(RangeError);
  });
});
