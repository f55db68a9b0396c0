import { describe, expect, it } from 'vitest';

import { createDepacketizer } from '../depacketizer.ts';
import { packetizeVp9 } from './packetize.ts';
import { parseVp9Descriptor } from './payload-descriptor.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.fromHex(hex.replaceAll(' ', ''));
/** The beginning of a key frame of 640x360, profile 0. */
const KEY = '82498342 20 27f0 1670 00';
const DELTA = '8600aabb';

describe('the payload descriptor of VP9 (RFC 9628, 4.2)', () => {
  it.each([
    ['no optional field', '0c', 1],
    ['a picture id of 7 bits', '8c 11', 2],
    ['a picture id of 15 bits', '8c 9122', 3],
    ['layers, non-flexible', 'ac 9122 03 44', 5],
    ['layers, flexible', 'bc 9122 03', 4],
    ['one reference', 'fc 9122 03 02', 5],
    ['three references', 'fc 9122 03 03 05 06', 7],
    ['a structure with sizes of two layers', '0e 30 0140 00b4 0280 0168', 10],
    ['a structure with two pictures', '0e 08 02 00 08 0204', 7],
  ])('with %s is %s', (_name, descriptor, length) => {
    expect(parseVp9Descriptor(bytes(`${descriptor} aa`))?.length).toBe(length);
    for (let cut = 0; cut <= length; cut += 1) {
      expect(parseVp9Descriptor(bytes(`${descriptor} aa`).subarray(0, cut))).toBeUndefined();
    }
  });

  it('tells begin, end, layer and sizes', () => {
    expect(parseVp9Descriptor(bytes('2a 02 11 30 0140 00b4 0280 0168 aa'))).toEqual({
      length: 12,
      begins: true,
      ends: false,
      spatialLayer: 1,
      sizes: [
        { width: 320, height: 180 },
        { width: 640, height: 360 },
      ],
    });
  });

  it('refuses more than three references', () => {
    expect(parseVp9Descriptor(bytes('5c 03 05 07 08 aa'))).toBeUndefined();
  });
});

/** Pushes payloads of one picture each but for `+`, which goes on; what comes out. */
function run(...payloads: string[]): string[] {
  const depacketizer = createDepacketizer('vp9');
  let timestamp = 0;
  return payloads.flatMap((payload, sequence) => {
    const last = !payload.endsWith('+');
    const unit = depacketizer.push({ payload: bytes(payload.replace('+', '')), marker: last, sequence, timestamp });
    timestamp += last ? 1 : 0;
    const size = unit?.config?.kind === 'video' ? `${unit.config.width}x${unit.config.height} ` : '';
    return unit === undefined ? [] : [`${size}${unit.key ? 'key ' : ''}${unit.data.toHex()}`];
  });
}

const plain = (hex: string): string => hex.replaceAll(' ', '');
const FIRST = `640x360 key ${plain(KEY)}`;

describe('depacketising VP9 (RFC 9628)', () => {
  it('joins a frame from B to E', () => {
    expect(run(`08 ${KEY}+`, '00 cc+', '04 dd', `4c ${DELTA}`)).toEqual([`${FIRST}ccdd`, plain(DELTA)]);
  });

  it('joins the layers of a picture to a superframe of the highest one\'s size', () => {
    expect(run(`2e 01 00 30 0280 0168 0500 02d0 ${KEY}+`, `6c 03 00 ${DELTA}`)).toEqual([`1280x720 key ${plain(KEY)}${DELTA}c1${'0a04'}c1`]);
  });

  it.each([
    ['that does not begin', [`44 ${DELTA}`]],
    ['that does not end', [`48 ${DELTA}`]],
    ['that begins twice', [`48 ${DELTA}+`, `4c ${DELTA}`]],
    ['that goes on after its end', [`4c ${DELTA}+`, '44 aa']],
    ['without its lowest layer', [`6c 03 00 ${DELTA}`]],
    ['with the same layer twice', [`6c 01 00 ${DELTA}+`, `6c 01 00 ${DELTA}`]],
    ['that changes its layer in between', [`68 01 00 ${DELTA}+`, `64 03 00 ${DELTA}`]],
    ['with another frame marker', ['4c 00aabb']],
    ['with a descriptor alone', ['4c']],
  ])('throws a picture away %s', (_name, payloads) => {
    expect(run(`0c ${KEY}`, ...payloads, `4c ${DELTA}`)).toEqual([FIRST, DELTA]);
  });

  it('gives nothing before a key frame', () => {
    expect(run(`4c ${DELTA}`, `0c ${KEY}`)).toEqual([FIRST]);
  });
});

describe('packetising VP9 (RFC 9628)', () => {
  it('cuts a picture in equal pieces from B to E, P where it is no key frame', () => {
    const data = Uint8Array.from({ length: 130 }, (_, i) => i);
    expect(packetizeVp9(data, true, 64).map((payload) => [payload.length, payload[0]])).toEqual([[45, 0x08], [45, 0], [43, 0x04]]);
    expect(packetizeVp9(data, false, 64).map((payload) => payload[0])).toEqual([0x48, 0x40, 0x44]);
    expect(packetizeVp9(data.subarray(0, 10), false, 64).map((payload) => payload[0])).toEqual([0x4c]);
    expect(packetizeVp9(data, true, 64).flatMap((payload) => [...payload.subarray(1)])).toEqual([...data]);
  });
});
