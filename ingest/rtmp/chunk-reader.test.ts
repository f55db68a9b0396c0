import { describe, expect, it } from 'vitest';

import { ChunkReader, type ChunkLimits, type RtmpMessage } from './chunk-reader.ts';
import { basicHeader, bigEndian, chunks, concat } from './testing/client.ts';

const LIMITS: ChunkLimits = { maxMessageBytes: 1000, maxChunkStreams: 4, maxBufferedBytes: 2000 };

function reader(limits: Partial<ChunkLimits> = {}): { readonly chunks: ChunkReader; readonly messages: RtmpMessage[]; read(...bytes: (Uint8Array | string)[]): string[] } {
  const messages: RtmpMessage[] = [];
  const chunkReader = new ChunkReader({ ...LIMITS, ...limits }, (message) => messages.push(message));
  return {
    chunks: chunkReader,
    messages,
    read: (...bytes) => {
      bytes.forEach((one) => chunkReader.push(typeof one === 'string' ? Uint8Array.fromHex(one.replaceAll(' ', '')) : one));
      return messages.map(({ type, streamId, timestamp, payload }) => `${type}/${streamId}@${timestamp}:${payload.toHex()}`);
    },
  };
}

const cases: [name: string, bytes: string, messages: string[]][] = [
  ['a type 0 chunk', '04 0003e8 000002 08 01000000 af01', ['8/1@1000:af01']],
  ['a type 1 chunk: delta, new length', '04 0003e8 000001 08 01000000 aa  44 000015 000002 09 bbcc', ['8/1@1000:aa', '9/1@1021:bbcc']],
  ['a type 2 chunk: delta alone', '04 0003e8 000001 08 01000000 aa  84 000017 bb', ['8/1@1000:aa', '8/1@1023:bb']],
  ['a type 3 chunk that begins a message: the same delta', '04 0003e8 000001 08 01000000 aa  84 000017 bb  c4 cc', ['8/1@1000:aa', '8/1@1023:bb', '8/1@1046:cc']],
  ['a type 3 chunk after a type 0 chunk: its timestamp is the delta (5.3.1.2.4)', '04 000010 000001 08 01000000 aa  c4 bb', ['8/1@16:aa', '8/1@32:bb']],
  ['a stream that begins with type 1, as some librtmp builds do', '42 000005 000001 08 aa', ['8/0@5:aa']],
  ['a 2-byte basic header (5.3.1.1)', '00 06 000000 000001 08 01000000 aa', ['8/1@0:aa']],
  ['a message without payload', '04 000000 000000 08 01000000', ['8/1@0:']],
  ['an extended timestamp', '04 ffffff 000001 08 01000000 01000000 aa', ['8/1@16777216:aa']],
  ['the timestamp 16777215, which needs the extension too', '04 ffffff 000001 08 01000000 00ffffff aa', ['8/1@16777215:aa']],
  ['an extended delta', '04 000001 000001 08 01000000 aa 84 ffffff 01000000 bb', ['8/1@1:aa', '8/1@16777217:bb']],
  ['a delta over the wrap at 2^32', '04 ffffff 000001 08 01000000 fffffff0 aa 84 000020 bb 84 000010 cc', ['8/1@4294967280:aa', '8/1@16:bb', '8/1@32:cc']],
];

describe('ChunkReader (RTMP 1.0, 5.3)', () => {
  it.each(cases)('reads %s, in one piece and byte by byte', (_name, hex, expected) => {
    expect(reader().read(hex)).toEqual(expected);
    const bytes = Uint8Array.fromHex(hex.replaceAll(' ', ''));
    expect(reader().read(...Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(expected);
  });

  it('reads a 3-byte basic header with the third byte as the high one (5.3.1.1)', () => {
    // 64 + 5 + 2 * 256 = 581; a reader that mixes the bytes up takes both for one stream.
    const first = Uint8Array.of(1, 5, 2, 0, 0, 9, 0, 0, 200, 8, 1, 0, 0, 0);
    const second = Uint8Array.of(1, 2, 5, 0, 0, 7, 0, 0, 1, 9, 1, 0, 0, 0, 0xbb);
    const { read } = reader();
    expect(read(first, new Uint8Array(128).fill(1), second)).toEqual(['9/1@7:bb']);
    expect(read(Uint8Array.of(0xc1, 5, 2), new Uint8Array(72).fill(1))[1]).toBe(`8/1@9:${'01'.repeat(200)}`);
  });

  it('takes the 2-byte and the 3-byte form of an id for one chunk stream', () => {
    expect(reader().read('00 06 000005 000001 08 01000000 aa', '81 0600 000002 bb')).toEqual(['8/1@5:aa', '8/1@7:bb']);
  });

  it.each([3, 63, 64, 319, 320, 65_599])('round-trips chunk stream id %i', (chunkStreamId) => {
    const payload = Uint8Array.from({ length: 300 }, (_, i) => i);
    expect(reader().read(chunks({ type: 9, payload, streamId: 1, timestamp: 77, chunkStreamId }))).toEqual([`9/1@77:${payload.toHex()}`]);
  });

  it('puts interleaved messages of two chunk streams together', () => {
    const a = chunks({ type: 9, payload: new Uint8Array(200).fill(0xaa), chunkStreamId: 6 });
    const b = chunks({ type: 8, payload: new Uint8Array(150).fill(0xbb), chunkStreamId: 4 });
    const head = 12 + 128;
    expect(reader().read(a.subarray(0, head), b.subarray(0, head), a.subarray(head), b.subarray(head))).toEqual([`9/0@0:${'aa'.repeat(200)}`, `8/0@0:${'bb'.repeat(150)}`]);
  });

  it('reads the extended timestamp in every chunk of a message (5.3.1.3)', () => {
    const payload = Uint8Array.from({ length: 400 }, (_, i) => i);
    expect(reader().read(chunks({ type: 9, payload, timestamp: 0x0123_4567 }))).toEqual([`9/0@${0x0123_4567}:${payload.toHex()}`]);
  });

  it('takes a chunk size that changes between two messages', () => {
    const { read, chunks: chunkReader } = reader();
    const payload = Uint8Array.from({ length: 900 }, (_, i) => i);
    read(chunks({ type: 9, payload }));
    chunkReader.setChunkSize(1);
    read(chunks({ type: 9, payload }, 1));
    chunkReader.setChunkSize(65_536);
    expect(read(chunks({ type: 9, payload }, 65_536))).toEqual(Array(3).fill(`9/0@0:${payload.toHex()}`));
  });

  it('forgets a partly received message on Abort (5.4.2) and on a new header', () => {
    const long = chunks({ type: 9, payload: new Uint8Array(200), chunkStreamId: 6 }).subarray(0, 12 + 128);
    const short = chunks({ type: 9, payload: Uint8Array.of(1), chunkStreamId: 6 });
    const { read, chunks: chunkReader } = reader();
    read(long);
    expect(chunkReader.buffered).toBe(200);
    chunkReader.abort(6);
    chunkReader.abort(7);
    expect(chunkReader.buffered).toBe(0);
    expect(read(short, long, short)).toEqual(['9/0@0:01', '9/0@0:01']);
    expect(chunkReader.buffered).toBe(0);
  });

  it('ends who announces long messages only to give them up: each would be allocated for nothing', () => {
    const begin = Uint8Array.of(...basicHeader(0, 6), ...bigEndian(0, 3), ...bigEndian(1000, 3), 9, 0, 0, 0, 0, 0xaa);
    const abandoning = reader();
    abandoning.chunks.setChunkSize(1);
    abandoning.read(begin, begin, begin);
    expect(() => abandoning.read(begin)).toThrowError(expect.objectContaining({ code: 'rtmp/limit' }));
    const aborting = reader();
    const abortOne = (): void => {
      aborting.read(begin);
      aborting.chunks.abort(6);
    };
    aborting.chunks.setChunkSize(1);
    abortOne();
    abortOne();
    expect(abortOne).toThrowError(expect.objectContaining({ code: 'rtmp/limit' }));
  });

  it('takes messages that are given up now and then for as long as others come whole', () => {
    const begin = Uint8Array.of(...basicHeader(0, 6), ...bigEndian(0, 3), ...bigEndian(1000, 3), 9, 0, 0, 0, 0, 0xaa);
    const whole = chunks({ type: 9, payload: new Uint8Array(1000), chunkStreamId: 4 }, 1);
    const { read, messages, chunks: chunkReader } = reader();
    chunkReader.setChunkSize(1);
    for (let i = 0; i < 50; i += 1) {
      read(begin, whole);
    }
    expect(messages).toHaveLength(50);
  });

  it('stops in the middle of its bytes when held, and reads on where it stopped', () => {
    const messages: string[] = [];
    const held = new ChunkReader(LIMITS, ({ payload }) => {
      messages.push(payload.toHex());
      held.hold();
    });
    const one = (byte: number): Uint8Array => chunks({ type: 9, payload: Uint8Array.of(byte) });
    // What waits is its own, though a socket's memory may be used again.
    const memory = Buffer.from(concat(one(1), one(2), one(3).subarray(0, 5)));
    held.push(memory);
    memory.fill(0xff);
    held.push(one(3).subarray(5));
    expect(messages).toEqual(['01']);
    expect(held.buffered).toBe(2 * one(1).length);
    held.release();
    expect(messages).toEqual(['01', '02']);
    held.release();
    expect(messages).toEqual(['01', '02', '03']);
    expect(held.buffered).toBe(0);
  });

  it('gives each message a payload of its own', () => {
    const { read, messages } = reader();
    const bytes = chunks({ type: 9, payload: Uint8Array.of(1, 2) });
    read(bytes);
    bytes.fill(0);
    read(chunks({ type: 9, payload: Uint8Array.of(3, 4) }));
    expect(messages.map(({ payload }) => [...payload])).toEqual([[1, 2], [3, 4]]);
  });

  it('refuses a message above its limit before it allocates anything', () => {
    const { read, chunks: chunkReader } = reader();
    expect(() => read(Uint8Array.of(...basicHeader(0, 6), ...bigEndian(0, 3), ...bigEndian(1001, 3), 9, 0, 0, 0, 0))).toThrowError(expect.objectContaining({ code: 'rtmp/limit' }));
    expect(chunkReader.buffered).toBe(0);
  });

  it('refuses the chunk stream above its limit, and a buffered byte above its limit', () => {
    const begin = (id: number, length: number): Uint8Array => chunks({ type: 9, payload: new Uint8Array(length), chunkStreamId: id }).subarray(0, 12 + 128);
    const streams = reader();
    streams.read(begin(3, 200), begin(4, 200), begin(5, 200), begin(6, 200));
    expect(() => streams.read(begin(7, 200))).toThrowError(expect.objectContaining({ code: 'rtmp/limit' }));
    const bytes = reader();
    bytes.read(begin(3, 1000), begin(4, 900));
    expect(() => bytes.read(begin(5, 101))).toThrowError(expect.objectContaining({ code: 'rtmp/limit' }));
    expect(bytes.chunks.buffered).toBe(1900);
  });

  it.each([
    ['2', '84 000017 aa'],
    ['3', 'c4 aa'],
  ])('refuses a chunk stream that begins with type %s', (_type, hex) => {
    expect(() => reader().read(hex)).toThrowError(expect.objectContaining({ code: 'rtmp/malformed' }));
  });

  it.each([0, 0x8000_0000, 0xffff_ffff])('refuses a chunk size of %i', (size) => {
    expect(() => reader().chunks.setChunkSize(size)).toThrowError(expect.objectContaining({ code: 'rtmp/malformed' }));
  });

  it('carries a payload across chunks without a byte lost at any split of the input', () => {
    const payload = concat(Uint8Array.from({ length: 500 }, (_, i) => (i * 31) % 256));
    const bytes = concat(chunks({ type: 9, payload, timestamp: 0x0100_0000, chunkStreamId: 400 }), chunks({ type: 8, payload: Uint8Array.of(9), chunkStreamId: 4 }));
    for (let at = 1; at < bytes.length; at += 1) {
      expect(reader().read(bytes.subarray(0, at), bytes.subarray(at))).toEqual([`9/0@${0x0100_0000}:${payload.toHex()}`, '8/0@0:09']);
    }
  });
});
