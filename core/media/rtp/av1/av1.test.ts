import { describe, expect, it } from 'vitest';

import { createDepacketizer } from '../depacketizer.ts';
import { packetizeAv1 } from './packetize.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.fromHex(hex.replaceAll(' ', ''));
const hex = (payloads: readonly Uint8Array[]): string[] => payloads.map((payload) => payload.toHex());

/** A sequence header of 320x180 without its size, and with it. */
const SEQUENCE = '08 000000043cfecc01a008';
const SIZED_SEQUENCE = '0a0a 000000043cfecc01a008';
/** A key frame that is shown, and a frame that is none. */
const KEY = '30 10000000aabb';
const SIZED_KEY = '3206 10000000aabb';
const DELTA = '30 3000cc';
const SIZED_DELTA = '3203 3000cc';

type Step = string | 'lost';

/** Pushes payloads of one unit each but for `+`, which goes on; what comes out. */
function run(...payloads: Step[]): string[] {
  const depacketizer = createDepacketizer('av1');
  let timestamp = 0;
  return payloads.flatMap((payload, sequence) => {
    if (payload === 'lost') {
      return [];
    }
    const last = !payload.endsWith('+');
    const unit = depacketizer.push({ payload: bytes(payload.replace('+', '')), marker: last, sequence, timestamp });
    timestamp += last ? 1 : 0;
    const size = unit?.config?.kind === 'video' ? `${unit.config.width}x${unit.config.height} ` : '';
    return unit === undefined ? [] : [`${size}${unit.key ? 'key ' : ''}${unit.data.toHex()}`];
  });
}

const plain = (text: string): string => text.replaceAll(' ', '');
const HEAD = `28 0b ${SEQUENCE} ${KEY}`;
const FIRST = `320x180 key ${plain(SIZED_SEQUENCE + SIZED_KEY)}`;

describe('depacketising AV1 (RTP Payload Format For AV1, 4)', () => {
  it.each([
    ['W of 2: the last element without a length', HEAD],
    ['W of 0: every element with a length', `08 0b ${SEQUENCE} 07 ${KEY}`],
    ['W of 3 and a temporal delimiter', `38 01 10 0b ${SEQUENCE} ${KEY}`],
    ['sizes inside the OBUs', `28 0c ${SIZED_SEQUENCE} ${SIZED_KEY}`],
  ])('reads %s', (_name, payload) => {
    expect(run(payload, `10 ${DELTA}`)).toEqual([FIRST, plain(SIZED_DELTA)]);
  });

  it('joins an OBU over packets by Y and Z', () => {
    expect(run(`68 0b ${SEQUENCE} 3010+`, 'd0 0000+', '90 00aabb', `10 ${DELTA}`)).toEqual([FIRST, plain(SIZED_DELTA)]);
    expect(run(`58 ${SEQUENCE.slice(0, 9)}+`, `a0 07 ${SEQUENCE.slice(9)} ${KEY}`)).toEqual([FIRST]);
  });

  it('keeps extensions and drops padding and tile lists', () => {
    expect(run(`28 0b ${SEQUENCE} ${KEY}`, '30 02 78aa 02 40bb 3408 3000cc')).toEqual([FIRST, '360803' + '3000cc']);
  });

  it.each([
    ['that continues nothing', [`90 ${DELTA}`]],
    ['whose OBU goes on and does not', [`50 ${DELTA}+`, `10 ${DELTA}`]],
    ['whose last OBU never ends', [`50 ${DELTA}`]],
    ['with an element past the end', [`20 09 ${DELTA}`]],
    ['with no element', ['10']],
    ['with fewer elements than W', [`30 04 ${DELTA}`]],
    ['with the forbidden bit', ['10 b03000']],
    ['with a size inside that is not its own', ['10 3209 3000cc']],
    ['with a sequence header that cannot be read', [`20 02 0800 ${DELTA}`]],
    ['without a frame', [`10 ${SEQUENCE}`]],
  ])('throws a unit away %s', (_name, payloads) => {
    expect(run(HEAD, ...payloads, `10 ${DELTA}`)).toEqual([FIRST, plain(SIZED_DELTA)]);
  });

  it('throws a unit away that may have lost its sequence header or lowest layer', () => {
    expect(run(HEAD, 'lost', `10 ${KEY}`, HEAD)).toEqual([FIRST, FIRST.replace('320x180 ', '')]);
    expect(run(HEAD, 'lost', '10 3408 3000cc')).toEqual([FIRST]);
  });

  it('gives nothing before the first sequence header', () => {
    expect(run(`10 ${KEY}`, `10 ${DELTA}`, HEAD)).toEqual([FIRST]);
  });
});

describe('packetising AV1 (RTP Payload Format For AV1, 4)', () => {
  const sequence = bytes(SEQUENCE);
  const unit = bytes(`1200 ${SIZED_SEQUENCE} ${SIZED_KEY}`);

  it('removes temporal delimiter and sizes, and marks a new coded video sequence by N', () => {
    expect(hex(packetizeAv1(unit, true, sequence, 1160))).toEqual([plain(HEAD)]);
    expect(hex(packetizeAv1(bytes(SIZED_DELTA), false, sequence, 1160))).toEqual([plain(`10 ${DELTA}`)]);
  });

  it('puts the sequence header before a key frame that has none', () => {
    expect(hex(packetizeAv1(bytes(SIZED_KEY), true, sequence, 1160))).toEqual([plain(HEAD)]);
  });

  it('gives every element a length where there are more than three', () => {
    const many = bytes(SIZED_DELTA.repeat(5));
    expect(hex(packetizeAv1(many, false, sequence, 1160))).toEqual([`00${plain(`04 ${DELTA}`).repeat(5)}`]);
  });

  it('goes over packets by Y and Z, in equal pieces', () => {
    const frame = Uint8Array.from([0x32, 0xfa, 0x01, ...Array.from({ length: 250 }, (_, i) => i)]);
    const payloads = packetizeAv1(frame, false, sequence, 100);
    expect(payloads.map(({ length }) => length)).toEqual([85, 85, 84]);
    expect(payloads.map((payload) => payload[0]!.toString(16))).toEqual(['50', 'd0', '90']);
    expect([0x30, ...Array.from({ length: 250 }, (_, i) => i)]).toEqual(payloads.flatMap((payload) => [...payload.subarray(1)]));
  });

  it('gives back OBUs of whatever number and size', () => {
    for (const maxPayload of [64, 65, 71, 128, 200]) {
      for (let count = 1; count < 12; count += 1) {
        const sizes = Array.from({ length: count }, (_, i) => (i * 37 + count * 13) % 190);
        const obus = sizes.flatMap((size) => [0x32, ...(size + 1 < 128 ? [size + 1] : [((size + 1) & 127) | 128, 1]), 0x30, ...Array.from({ length: size }, (_, i) => i & 255)]);
        const data = Uint8Array.from([...bytes(SIZED_SEQUENCE + SIZED_KEY), ...obus]);
        const payloads = packetizeAv1(data, true, sequence, maxPayload);
        expect(Math.max(...payloads.map(({ length }) => length))).toBeLessThanOrEqual(maxPayload);
        const depacketizer = createDepacketizer('av1');
        const units = payloads.map((payload, i) => depacketizer.push({ payload, sequence: i, timestamp: 0, marker: i === payloads.length - 1 }));
        expect(units.at(-1)?.data.toHex()).toBe(data.toHex());
      }
    }
  });
});
