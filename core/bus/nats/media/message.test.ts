import { describe, expect, it } from 'vitest';

import { testBroadcast, testFrame, testTrack } from '../../testing/frames.ts';
import { Joiner } from './joiner.ts';
import { readFrame, readMessage, writeFrame, writeMessage, type Message } from './message.ts';

const plain = { kind: 'frame', run: 2 ** 48 - 2, number: 2 ** 40 + 5, isAfterDrop: true, piece: 1, pieces: 3 } as const;

describe('a media message', () => {
  it('is its header, then its payload', () => {
    const bytes = writeMessage({ ...plain, payload: Uint8Array.of(9, 8) });
    expect(Buffer.from(bytes).toString('hex')).toBe('1101' + 'fffffffffffe' + '010000000005' + '0001' + '0003' + '0908');
    expect(readMessage(bytes)).toEqual({ ...plain, payload: Uint8Array.of(9, 8) });
  });

  it.each([
    ['nothing', ''],
    ['a header that ends early', '11000000000000010000000000050000000'.slice(0, 34)],
    ['another version', '2100000000000001000000000005' + '0000' + '0001'],
    ['an unknown kind', '1f00000000000001000000000005' + '0000' + '0001'],
    ['no pieces', '1100000000000001000000000005' + '0000' + '0000'],
    ['a piece after the last', '1100000000000001000000000005' + '0003' + '0003'],
  ])('is none where it is %s', (_what, hex) => {
    expect(readMessage(Buffer.from(hex, 'hex'))).toBeUndefined();
  });

  it.each([
    ['of one message', 10, 1_000_000, 1],
    ['of two', 1000, 1000, 2],
    ['of many', 10_000, 128, 94],
    ['above what a message should be, whatever the server allows', 600_000, 64_000_000, 3],
  ])('carries a frame %s', (_what, bytes, maxPayload, pieces) => {
    const frame = testFrame(3, 0, { bytes });
    const messages = writeFrame({ run: 1, number: 7, isAfterDrop: false, frame }, maxPayload);
    expect(messages).toHaveLength(pieces);
    expect(messages.every((message) => message.byteLength <= Math.min(maxPayload, 256 * 1024))).toBe(true);
    const joiner = new Joiner(() => expect.unreachable());
    const records = messages.map((message) => joiner.push(readMessage(message) as Message));
    expect(records.slice(0, -1).every((record) => record === undefined)).toBe(true);
    expect(readFrame(records.at(-1) ?? new Uint8Array(), testBroadcast, testTrack)).toEqual(frame);
  });

  it('gives a frame bytes of its own where they came among others', () => {
    const [message = new Uint8Array()] = writeFrame({ run: 1, number: 7, isAfterDrop: false, frame: testFrame(3, 0, { bytes: 100 }) }, 1e6);
    const block = Buffer.alloc(65_536);
    block.set(message, 1000);
    const read = readMessage(block.subarray(1000, 1000 + message.byteLength));
    const frame = readFrame(read?.payload ?? new Uint8Array(), testBroadcast, testTrack);
    expect(frame?.data.byteLength).toBe(100);
    expect(frame?.data.buffer.byteLength).toBe(100);
  });
});

describe('the pieces of a frame', () => {
  const piece = (number: number, at: number, pieces: number, bytes = 10, run = 1): Message => ({ kind: 'frame', run, number, isAfterDrop: false, piece: at, pieces, payload: new Uint8Array(bytes).fill(at) });

  it('are dropped, and counted once, where one is missing', () => {
    let damaged = 0;
    const joiner = new Joiner(() => (damaged += 1));
    expect([piece(1, 0, 3), piece(1, 2, 3), piece(2, 0, 1)].map((message) => joiner.push(message)?.byteLength)).toEqual([undefined, undefined, 10]);
    expect([damaged, joiner.bytes]).toEqual([1, 0]);
  });

  it('of two writers are joined apart, and of no more than two', () => {
    let damaged = 0;
    const joiner = new Joiner(() => (damaged += 1));
    [1, 2, 3].forEach((run) => joiner.push(piece(1, 0, 2, 10, run)));
    expect([1, 2, 3].map((run) => joiner.push(piece(1, 1, 2, 10, run))?.byteLength)).toEqual([undefined, 20, 20]);
    expect([damaged, joiner.bytes]).toEqual([1, 0]);
  });

  it('are bounded in bytes and in time', () => {
    let damaged = 0;
    const joiner = new Joiner(() => (damaged += 1));
    for (let at = 0; at < 100; at += 1) {
      joiner.push(piece(1, at, 60_000, 256 * 1024));
    }
    expect(damaged).toBe(1);
    expect(joiner.bytes).toBe(0);
    joiner.push(piece(2, 0, 2));
    joiner.sweep();
    expect(joiner.bytes).toBe(10);
    joiner.sweep();
    expect([damaged, joiner.bytes]).toEqual([2, 0]);
  });
});
