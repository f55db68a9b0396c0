import { describe, expect, it } from 'vitest';

import { FrameReader, MAX_FRAME_BYTES, writeFrame } from './frame-reader.ts';

describe('frames over TCP, RFC 4571', () => {
  const packets = [Buffer.from('one'), Buffer.alloc(0), Buffer.alloc(MAX_FRAME_BYTES, 7), Buffer.from('x')];
  const stream = Buffer.concat(packets.map(writeFrame));

  it.each([1, 2, 3, 5, 1000, 100_000])('are read whatever pieces of %i bytes they come in', (size) => {
    const reader = new FrameReader();
    const read: Buffer[] = [];
    for (let at = 0; at < stream.length; at += size) {
      expect(reader.push(stream.subarray(at, at + size), (frame) => read.push(Buffer.from(frame)))).toBe(true);
    }
    expect(read).toEqual(packets);
  });

  it.each([1, 100])('end with one that is too long, in pieces of %i bytes', (size) => {
    const reader = new FrameReader();
    const bytes = Buffer.concat([writeFrame(Buffer.from('one')), Buffer.from([(MAX_FRAME_BYTES + 1) >> 8, (MAX_FRAME_BYTES + 1) & 0xff])]);
    const results: boolean[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      results.push(reader.push(bytes.subarray(at, at + size), () => {}));
    }
    expect(results.at(-1)).toBe(false);
  });
});
