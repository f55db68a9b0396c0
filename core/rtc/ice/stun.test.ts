import { describe, expect, it } from 'vitest';

import { parseStun, verifyIntegrity } from './stun-message.ts';
import { BARE_ERROR_BYTES, readXorAddress, writeBindingError, writeBindingRequest, writeBindingSuccess } from './stun-writer.ts';

/** RFC 5769, 2: samples made with this password. */
const password = 'VOkJxbRl1RmTxUk/WvJxBt';
const header = '2112a442 b7e7a701 bc34d686 fa87dfae';
const sampleRequest = hex(`00010058 ${header}
  80220010 5354554e 20746573 7420636c 69656e74 00240004 6e0001ff 80290008 932ff9b1 51263b36
  00060009 6576746a 3a683676 59202020 00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2 80280004 e57a3bcf`);
const sampleIPv4Response = hex(`0101003c ${header}
  8022000b 74657374 20766563 746f7220 00200008 0001a147 e112a643 00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7 80280004 c07d4c96`);
const sampleIPv6Response = hex(`01010048 ${header}
  8022000b 74657374 20766563 746f7220 00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9
  00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41 80280004 c8fb0b4c`);
const transaction = sampleRequest.subarray(8, 20);

describe('STUN, RFC 8489, with the samples of RFC 5769', () => {
  it('reads the sample request (2.1) and verifies its integrity', () => {
    const message = parseStun(sampleRequest)!;
    expect(message).toMatchObject({ class: 'request', username: 'evtj:h6vY', priority: 0x6e0001ff, controlled: true, controlling: false, useCandidate: false, unknown: [] });
    expect(verifyIntegrity(message, password)).toBe(true);
    expect(verifyIntegrity(message, `${password}x`)).toBe(false);
  });

  it.each([
    ['2.2', sampleIPv4Response, '192.0.2.1'],
    ['2.3', sampleIPv6Response, '2001:db8:1234:5678:11:2233:4455:6677'],
  ])('reads the sample response (%s)', (_section, bytes, address) => {
    const message = parseStun(bytes)!;
    expect(message.class).toBe('success');
    expect(verifyIntegrity(message, password)).toBe(true);
    expect(readXorAddress(message.mapped!, message.transaction)).toEqual({ address, port: 32_853 });
  });

  it.each(['192.0.2.1', '::ffff:192.0.2.1', '2001:db8:1234:5678:11:2233:4455:6677', 'fe80::1%eth0', '::1'])('writes %s into a response that it can read', (address) => {
    const message = parseStun(writeBindingSuccess(transaction, { address, port: 32_853 }, password))!;
    expect(message.transaction.equals(transaction)).toBe(true);
    expect(verifyIntegrity(message, password)).toBe(true);
    const plain = { '::ffff:192.0.2.1': '192.0.2.1', 'fe80::1%eth0': 'fe80:0:0:0:0:0:0:1', '::1': '0:0:0:0:0:0:0:1' }[address] ?? address;
    expect(readXorAddress(message.mapped!, transaction)).toEqual({ address: plain, port: 32_853 });
  });

  it('masks the address as the samples do', () => {
    const value = (bytes: Buffer): string => parseStun(bytes)!.mapped!.toString('hex');
    expect(value(writeBindingSuccess(transaction, { address: '192.0.2.1', port: 32_853 }, password))).toBe(value(sampleIPv4Response));
    expect(value(writeBindingSuccess(transaction, { address: '2001:db8:1234:5678:11:2233:4455:6677', port: 32_853 }, password))).toBe(value(sampleIPv6Response));
  });

  it('writes a check that it can read', () => {
    const check = writeBindingRequest({ transaction, username: 'a:b', password, priority: 77, role: 'controlling', tieBreaker: Buffer.alloc(8, 1), useCandidate: true });
    const message = parseStun(check)!;
    expect(message).toMatchObject({ class: 'request', username: 'a:b', priority: 77, useCandidate: true, controlling: true, controlled: false });
    expect(verifyIntegrity(message, password)).toBe(true);
  });

  it('writes errors, signed and bare', () => {
    const signed = parseStun(writeBindingError(transaction, 420, { password, unknown: [0x7001] }))!;
    expect(signed).toMatchObject({ class: 'error', errorCode: 420 });
    expect(verifyIntegrity(signed, password)).toBe(true);
    const bare = writeBindingError(transaction, 401);
    expect(bare).toHaveLength(BARE_ERROR_BYTES);
    expect(parseStun(bare)).toMatchObject({ errorCode: 401, integrityAt: 0 });
  });

  it('takes no message whose fingerprint is missing, wrong or not last', () => {
    const wrong = Buffer.from(sampleRequest);
    wrong[wrong.length - 1]! ^= 1;
    expect(parseStun(wrong)).toBeUndefined();
    const without = Buffer.from(sampleRequest.subarray(0, -8));
    without.writeUInt16BE(without.length - 20, 2);
    expect(parseStun(without)).toBeUndefined();
  });

  it('sees every changed bit, by fingerprint or by integrity', () => {
    for (let bit = 0; bit < sampleRequest.length * 8; bit++) {
      const changed = Buffer.from(sampleRequest);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      const message = parseStun(changed);
      expect(message === undefined || !verifyIntegrity(message, password)).toBe(true);
    }
  });

  it('takes no message that is cut or too long', () => {
    for (let length = 0; length < sampleRequest.length; length++) {
      expect(parseStun(sampleRequest.subarray(0, length))).toBeUndefined();
    }
    expect(parseStun(Buffer.concat([sampleRequest, Buffer.alloc(4)]))).toBeUndefined();
  });
});

function hex(text: string): Buffer {
  return Buffer.from(text.replace(/\s/g, ''), 'hex');
}
