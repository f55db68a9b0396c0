import { describe, expect, it } from 'vitest';

import { createDepacketizer } from '../depacketizer.ts';
import { packetizeVp8 } from './packetize.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.fromHex(hex.replaceAll(' ', ''));
const KEY = '500000 9d012a 8002 6801 aabb';
const DELTA = '510000 aabb';

/** Pushes payloads of one picture each but for `+`, which goes on; what comes out. */
function run(...payloads: string[]): string[] {
  const depacketizer = createDepacketizer('vp8');
  let timestamp = 0;
  return payloads.flatMap((payload, sequence) => {
    const last = !payload.endsWith('+');
    const unit = depacketizer.push({ payload: bytes(payload.replace('+', '')), marker: last, sequence, timestamp });
    timestamp += last ? 1 : 0;
    return unit === undefined ? [] : [`${unit.key ? 'key ' : ''}${unit.data.toHex()}`];
  });
}

const plain = (hex: string): string => hex.replaceAll(' ', '');

describe('depacketising VP8 (RFC 7741, 4.2)', () => {
  it.each([
    ['no optional field', '10'],
    ['a non-reference frame', '30'],
    ['a picture id of 7 bits', '9080 11'],
    ['a picture id of 15 bits', '9080 9122'],
    ['all optional fields', '90f0 9122 33 44'],
    ['a TL0PICIDX', '9040 11'],
    ['a TID', '9020 11'],
    ['a KEYIDX', '9010 11'],
  ])('passes over a descriptor with %s', (_name, descriptor) => {
    expect(run(`${descriptor} ${KEY}`, `${descriptor} ${DELTA}`)).toEqual([`key ${plain(KEY)}`, plain(DELTA)]);
  });

  it('joins partitions, wherever they are cut', () => {
    expect(run(`10 ${KEY.slice(0, 13)}+`, `00 ${KEY.slice(13)}+`, '11 ccdd+', '01 ee')).toEqual([`key ${plain(KEY)}ccddee`]);
  });

  it.each([
    ['that does not begin with S', [`00 ${DELTA}`]],
    ['that begins at another partition', [`11 ${DELTA}`]],
    ['that begins twice', [`10 ${DELTA}+`, `10 ${DELTA}`]],
    ['with a descriptor alone', ['10']],
    ['with a descriptor cut off', ['9080']],
    ['without its first partition', ['10 710000 aabb']],
    ['of two bytes', ['10 5100']],
  ])('throws a frame away %s', (_name, payloads) => {
    expect(run(`10 ${KEY}`, ...payloads, `10 ${DELTA}`)).toEqual([`key ${plain(KEY)}`, plain(DELTA)]);
  });

  it('gives nothing before a key frame tells the size, and the size again where it changes', () => {
    const depacketizer = createDepacketizer('vp8');
    const sizes = [DELTA, KEY, KEY, KEY.replace('8002', '4001'), DELTA].map((frame, i) => {
      const unit = depacketizer.push({ payload: bytes(`10 ${frame}`), marker: true, sequence: i, timestamp: i });
      return unit && (unit.config?.kind === 'video' ? unit.config.width : 'same');
    });
    expect(sizes).toEqual([undefined, 640, 'same', 320, 'same']);
  });
});

describe('packetising VP8 (RFC 7741)', () => {
  it('cuts a frame in equal pieces, S on the first', () => {
    const payloads = packetizeVp8(Uint8Array.from({ length: 190 }, (_, i) => i), 64);
    expect(payloads.map(({ length }) => length)).toEqual([49, 49, 49, 47]);
    expect(payloads.map((payload) => payload[0])).toEqual([0x10, 0, 0, 0]);
    expect(payloads.flatMap((payload) => [...payload.subarray(1)])).toEqual(Array.from({ length: 190 }, (_, i) => i));
  });

  it('fills a packet to the last byte before it takes another', () => {
    expect(packetizeVp8(new Uint8Array(63), 64)).toHaveLength(1);
    expect(packetizeVp8(new Uint8Array(64), 64)).toHaveLength(2);
  });
});
