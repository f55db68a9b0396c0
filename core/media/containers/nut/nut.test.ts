import { describe, expect, test } from 'vitest';

import { ticks, timescale, VIDEO_TIMESCALE } from '../../time.ts';
import { NutDemuxer, type NutPacket } from './demuxer.ts';
import { nutFrameHeader, nutHeader, type NutStreamHeader } from './muxer.ts';

const video: NutStreamHeader = {
  kind: 'video',
  fourcc: 'H264',
  description: Uint8Array.from([1, 0x64, 0, 0x1f, 0xff, 0xe1]),
  timescale: VIDEO_TIMESCALE,
  width: 1280,
  height: 720,
  decodeDelay: 2,
  frameRate: [30_000, 1001],
};
const audio: NutStreamHeader = { kind: 'audio', fourcc: 'mp4a', description: Uint8Array.from([0x11, 0x90]), timescale: timescale(48_000), sampleRate: 48_000, channels: 2 };

/** Frames that exercise every length of a coded number: small, beyond 2^32 ticks, near 2^53. */
const frames = [
  { stream: 0, pts: ticks(0), key: true, size: 1 },
  { stream: 1, pts: ticks(1024), key: true, size: 0 },
  { stream: 0, pts: ticks(127), key: false, size: 4097 },
  { stream: 0, pts: ticks(90_000 * 86_400 * 365), key: true, size: 200_000 },
  { stream: 0, pts: ticks(90_000 * 86_400 * 365 - 3003), key: false, size: 300 },
  { stream: 1, pts: ticks(2 ** 52), key: true, size: 12 },
];

function muxed(): Uint8Array {
  const parts = [nutHeader([video, audio]), ...frames.flatMap((frame) => [nutFrameHeader(frame), payload(frame.size)])];
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function payload(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, at) => (at * 31) % 256);
}

function demuxed(bytes: Uint8Array, chunk: number): { readonly demuxer: NutDemuxer; readonly packets: NutPacket[] } {
  const demuxer = new NutDemuxer();
  const packets: NutPacket[] = [];
  for (let at = 0; at < bytes.length; at += chunk) {
    packets.push(...demuxer.push(bytes.subarray(at, at + chunk)));
  }
  return { demuxer, packets };
}

describe('what the muxer writes the demuxer reads', () => {
  test.each([1_000_000, 65_536, 1000, 7])('in chunks of %i bytes', (chunk) => {
    const { demuxer, packets } = demuxed(muxed(), chunk);
    expect(packets.map(({ stream, pts, key, data }) => ({ stream: stream.id, pts, key, size: data.length }))).toEqual(frames);
    packets.forEach(({ data }) => expect(data).toEqual(payload(data.length)));
    expect(demuxer.streams).toMatchObject([
      { id: 0, kind: 'video', fourcc: 'H264', description: video.description, timescale: 90_000, width: 1280, height: 720, decodeDelay: 2 },
      { id: 1, kind: 'audio', fourcc: 'mp4a', description: audio.description, timescale: 48_000, sampleRate: 48_000, channels: 2 },
    ]);
  });

  test('a packet is given out in the call that brings its last byte', () => {
    const demuxer = new NutDemuxer();
    demuxer.push(nutHeader([video]));
    const frame = Uint8Array.from([...nutFrameHeader({ stream: 0, pts: ticks(9000), key: true, size: 3 }), 1, 2, 3]);
    expect(demuxer.push(frame.subarray(0, frame.length - 1))).toEqual([]);
    expect(demuxer.push(frame.subarray(frame.length - 1))).toMatchObject([{ pts: 9000, data: Uint8Array.from([1, 2, 3]) }]);
  });
});

describe('damage', () => {
  test('bytes that are no NUT', () => {
    expect(() => new NutDemuxer().push(new Uint8Array(64))).toThrow('not a NUT file');
  });

  test.each([
    { name: 'in the main header', at: 40, says: 'checksum' },
    { name: 'in a frame\'s header', at: 0, says: 'checksum' },
  ])('a flipped bit $name', ({ at, says }) => {
    const head = nutHeader([video]);
    const bytes = Uint8Array.from([...head, ...nutFrameHeader({ stream: 0, pts: ticks(9000), key: true, size: 2 }), 1, 2]);
    const place = at === 0 ? head.length + 4 : at;
    bytes[place] = (bytes[place] ?? 0) ^ 4;
    expect(() => new NutDemuxer().push(bytes)).toThrow(says);
  });

  test('a frame of a size that no frame has is refused before it is waited for', () => {
    const demuxer = new NutDemuxer();
    demuxer.push(nutHeader([video]));
    expect(() => demuxer.push(nutFrameHeader({ stream: 0, pts: ticks(0), key: true, size: 2 ** 31 }))).toThrow('NUT frame of 2147483648 bytes');
  });

  test('a frame before any header', () => {
    const bytes = Uint8Array.from([...nutHeader([video]).subarray(0, 25), 1, 2, 3, 4]);
    expect(() => new NutDemuxer().push(bytes)).toThrow('not in use');
  });

  test('a truncated file gives its whole packets and no error', () => {
    const bytes = muxed();
    for (const cut of [10, 60, 100, 160, bytes.length - 5]) {
      const { packets } = demuxed(bytes.subarray(0, cut), 999);
      expect(packets.length).toBeLessThan(frames.length);
    }
  });
});
