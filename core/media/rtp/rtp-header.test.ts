import { describe, expect, it } from 'vitest';

import { parseRtpHeader, readExtension, rtpHeaderLength, rtpPayload, writeRtpHeader, type RtpExtension } from './rtp-header.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.fromHex(hex.replaceAll(' ', ''));
const PLAIN = '8060 1234 89abcdef 01020304 aabbcc';

describe('parseRtpHeader (RFC 3550, 5.1)', () => {
  it('reads the fixed header', () => {
    const packet = bytes('80e0 ffff 89abcdef f1020304 aabbcc');
    const header = parseRtpHeader(packet);
    expect(header).toMatchObject({ payloadType: 96, marker: true, sequenceNumber: 65_535, timestamp: 0x89abcdef, ssrc: 0xf1020304, csrcCount: 0, padding: 0, payloadOffset: 12, payloadLength: 3 });
    expect(header && rtpPayload(packet, header).toHex()).toBe('aabbcc');
  });

  it.each([
    ['contributing sources', '8260 0001 00000002 00000003 00000004 00000005 aabb', { csrcCount: 2, payloadOffset: 20, payloadLength: 2 }],
    ['an extension', '9060 0001 00000002 00000003 bede0001 10ff0000 aabb', { extensionProfile: 0xbede, extensionOffset: 16, extensionLength: 4, payloadOffset: 20, payloadLength: 2 }],
    ['an empty extension', '9060 0001 00000002 00000003 bede0000 aabb', { extensionLength: 0, payloadOffset: 16, payloadLength: 2 }],
    ['padding', 'a060 0001 00000002 00000003 aabb 000003', { padding: 3, payloadLength: 2 }],
    ['padding alone', 'a060 0001 00000002 00000003 00000004', { padding: 4, payloadLength: 0 }],
    ['no payload', '8060 0001 00000002 00000003', { payloadOffset: 12, payloadLength: 0 }],
  ])('reads %s', (_name, hex, expected) => {
    expect(parseRtpHeader(bytes(hex))).toMatchObject(expected);
  });

  it.each([
    ['nothing', ''],
    ['11 bytes', '8060 0001 00000002 000000'],
    ['another version', '4060 0001 00000002 00000003 aabb'],
    ['contributing sources past the end', '8f60 0001 00000002 00000003 aabb'],
    ['an extension past the end', '9060 0001 00000002 00000003 bede0002 10ff0000'],
    ['padding of 0', 'a060 0001 00000002 00000003 aabb00'],
    ['padding longer than the payload', 'a060 0001 00000002 00000003 aabb04'],
  ])('refuses %s', (_name, hex) => {
    expect(parseRtpHeader(bytes(hex))).toBeUndefined();
  });

  it('never reads past a truncation', () => {
    const whole = bytes('b260 0001 00000002 00000003 00000004 00000005 bede0001 10ff0000 aabb 0002');
    for (let length = 0; length < whole.length; length += 1) {
      const header = parseRtpHeader(whole.subarray(0, length));
      expect(header === undefined || header.payloadOffset + header.payloadLength + header.padding === length).toBe(true);
    }
  });
});

describe('header extensions (RFC 8285)', () => {
  const read = (extension: string, id: number): string | undefined => {
    const packet = bytes(`9060 0001 00000002 00000003 ${extension}`);
    const header = parseRtpHeader(packet);
    return header && readExtension(packet, header, id)?.toHex();
  };

  // The example of 4.2: lengths 1, 2 with two bytes of padding, and 4.
  const ONE_BYTE = 'bede0003 10aa 21bbcc 0000 33d1d2d3d4';
  // The example of 4.3: lengths 0 and 1, padding, and 4.
  const TWO_BYTE = '10000003 0100 0201aa 00 0304d1d2d3d4';

  it.each([
    [ONE_BYTE, 1, 'aa'],
    [ONE_BYTE, 2, 'bbcc'],
    [ONE_BYTE, 3, 'd1d2d3d4'],
    [ONE_BYTE, 4, undefined],
    [ONE_BYTE, 0, undefined],
    [TWO_BYTE, 1, ''],
    [TWO_BYTE, 2, 'aa'],
    [TWO_BYTE, 3, 'd1d2d3d4'],
    ['100f0001 ff010700', 255, '07'],
    ['bede0002 f0aa 10bb 00000000', 1, undefined],
    ['bede0001 1faabbcc', 1, undefined],
    ['10000001 01ffaabb', 1, undefined],
    ['10000001 00000001', 1, undefined],
    ['12340001 10aa0000', 1, undefined],
  ])('%s has for id %i: %s', (extension, id, data) => {
    expect(read(extension, id)).toBe(data);
  });
});

describe('writeRtpHeader', () => {
  const fields = { payloadType: 96, marker: false, sequenceNumber: 0x1234, timestamp: 0x89abcdef, ssrc: 0x01020304 };

  it('writes the fixed header anywhere in a buffer', () => {
    const out = new Uint8Array(20).fill(0xff);
    expect(writeRtpHeader(out, 4, fields)).toBe(16);
    expect(out.toHex()).toBe(`ffffffff${bytes(PLAIN).subarray(0, 12).toHex()}ffffffff`);
  });

  const extensions: [name: string, extensions: RtpExtension[], hex: string][] = [
    ['the one-byte form', [{ id: 1, data: bytes('30') }, { id: 3, data: bytes('0a0b0c') }], 'bede0002 1030 320a0b0c 0000'],
    ['the two-byte form for an id above 14', [{ id: 15, data: bytes('30') }], '10000001 0f0130 00'],
    ['the two-byte form for no data', [{ id: 1, data: bytes('') }, { id: 2, data: bytes('0a') }], '10000002 0100 02010a 000000'],
    ['the two-byte form for 17 bytes', [{ id: 1, data: new Uint8Array(17) }], `10000005 0111 ${'00'.repeat(17)}00`],
  ];

  it.each(extensions)('writes extensions in %s', (_name, list, hex) => {
    const out = new Uint8Array(rtpHeaderLength(list)).fill(0xff);
    expect(writeRtpHeader(out, 0, { ...fields, extensions: list })).toBe(out.length);
    expect(out.subarray(12).toHex()).toBe(bytes(hex).toHex());
    const header = parseRtpHeader(out);
    for (const { id, data } of list) {
      expect(header && readExtension(out, header, id)?.toHex()).toBe(data.toHex());
    }
  });

  it('takes counters modulo their width and keeps the padding bit', () => {
    const out = new Uint8Array(16);
    writeRtpHeader(out, 0, { ...fields, marker: true, padding: true, sequenceNumber: 65_536 + 7, timestamp: 2 ** 32 + 9 });
    out[15] = 4;
    expect(parseRtpHeader(out)).toMatchObject({ marker: true, padding: 4, sequenceNumber: 7, timestamp: 9 });
  });

  it('refuses what does not fit', () => {
    expect(() => writeRtpHeader(new Uint8Array(11), 0, fields)).toThrowError(RangeError);
    expect(() => writeRtpHeader(new Uint8Array(999), 0, { ...fields, extensions: [{ id: 1, data: new Uint8Array(256) }] })).toThrowError(RangeError);
    expect(() => writeRtpHeader(new Uint8Array(999), 0, { ...fields, extensions: [{ id: 0, data: new Uint8Array(1) }] })).toThrowError(RangeError);
  });
});
