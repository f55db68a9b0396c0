import { describe, expect, it } from 'vitest';

import { HandshakeMessages } from './handshake-messages.ts';

describe('HandshakeMessages, RFC 6347, 4.2', () => {
  it('gives out messages in order, each once, whatever the order of their pieces', () => {
    const messages = new HandshakeMessages();
    const [first, second] = [Buffer.from('first message'), Buffer.from('second')];
    expect(messages.push(piece(1, 1, second, 0, 6))).toEqual({ messages: [], repeated: false });
    expect(messages.push(piece(1, 0, first, 7, 13))).toEqual({ messages: [], repeated: false });
    const { messages: whole } = messages.push(piece(1, 0, first, 0, 9));
    expect(whole.map(({ sequence, type, body }) => [sequence, type, body.toString()])).toEqual([
      [0, 1, 'first message'],
      [1, 1, 'second'],
    ]);
    expect(whole[0]!.bytes).toEqual(piece(1, 0, first, 0, 13));
    expect(messages.push(piece(1, 1, second, 0, 6))).toEqual({ messages: [], repeated: true });
  });

  it('takes several messages of one record, and an empty one', () => {
    const messages = new HandshakeMessages();
    const { messages: whole } = messages.push(Buffer.concat([piece(14, 0, Buffer.alloc(0), 0, 0), piece(1, 1, Buffer.from('x'), 0, 1)]));
    expect(whole.map(({ sequence }) => sequence)).toEqual([0, 1]);
  });

  it.each<[string, Buffer]>([
    ['a message of 16 MB', piece(1, 0, Buffer.alloc(1), 0, 1, 0xff_ffff)],
    ['a piece beyond the end', piece(1, 0, Buffer.alloc(20), 10, 20, 15)],
    ['a message far ahead', piece(1, 9, Buffer.from('x'), 0, 1)],
    ['a piece that is cut off', piece(1, 0, Buffer.alloc(20), 0, 20).subarray(0, 20)],
    ['less than a header', Buffer.alloc(11)],
  ])('keeps nothing of %s', (_what, bytes) => {
    const messages = new HandshakeMessages();
    expect(messages.push(bytes)).toEqual({ messages: [], repeated: false });
    // Nothing of it stands in the way of the true message.
    expect(messages.push(piece(1, 0, Buffer.from('true'), 0, 4)).messages).toHaveLength(1);
  });

  it('lets a true message through where a forged piece was first', () => {
    const messages = new HandshakeMessages();
    const body = Buffer.from('the truth');
    expect(messages.push(piece(2, 0, Buffer.from('a forgery'), 0, 5)).messages).toEqual([]);
    expect(messages.push(piece(1, 0, body, 0, 5)).messages).toEqual([]);
    expect(messages.push(piece(1, 0, body, 5, 9)).messages[0]!.body).toEqual(body);
  });

  it('forgets a message that comes in ever more pieces', () => {
    const messages = new HandshakeMessages();
    const body = Buffer.alloc(500, 7);
    for (let at = 0; at < 100; at++) {
      expect(messages.push(piece(1, 0, body, 0, 1)).messages).toEqual([]);
    }
    expect(messages.push(piece(1, 0, body, 0, 500)).messages[0]!.body).toEqual(body);
  });
});

function piece(type: number, sequence: number, body: Buffer, from: number, to: number, length = body.length): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt8(type, 0);
  header.writeUIntBE(length, 1, 3);
  header.writeUInt16BE(sequence, 4);
  header.writeUIntBE(from, 6, 3);
  header.writeUIntBE(to - from, 9, 3);
  return Buffer.concat([header, body.subarray(from, to)]);
}
