import { describe, expect, it } from 'vitest';

import { h264Config } from '../../codecs/h264/avcc.ts';
import { joinLengthPrefixed, splitLengthPrefixed } from '../../codecs/h264/nal-unit.ts';
import { H264_VECTORS } from '../../codecs/h264/vectors.ts';
import type { AccessUnit } from '../access-unit.ts';
import { createDepacketizer } from '../depacketizer.ts';
import { packetizeH264, parameterSetsOf } from './packetize.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.fromHex(hex.replaceAll(' ', ''));
const hex = (payloads: readonly Uint8Array[]): string[] => payloads.map((payload) => payload.toHex());

const SETS = H264_VECTORS.slice(0, 2).map(({ sps, pps }) => ({ sps, pps }));
const [big, small] = [SETS[0]!, SETS[1]!];
/** STAP-A of an SPS and a PPS. */
const stapA = ({ sps, pps }: { sps: string; pps: string }): string =>
  `78${(sps.length / 2).toString(16).padStart(4, '0')}${sps}${(pps.length / 2).toString(16).padStart(4, '0')}${pps}`;

type Step = [payload: string, timestamp: number, marker?: boolean] | 'lost';

/** Pushes payloads; what comes out, in short. */
function run(steps: readonly Step[]): { unit: string; key: boolean; timestamp: number; size?: string }[] {
  const depacketizer = createDepacketizer('h264');
  const units: AccessUnit[] = [];
  steps.forEach((step, sequence) => {
    if (step === 'lost') {
      return;
    }
    const [payload, timestamp, marker = false] = step;
    const unit = depacketizer.push({ payload: bytes(payload), timestamp, marker, sequence });
    if (unit !== undefined) {
      units.push(unit);
    }
  });
  return units.map(({ data, key, timestamp, config }) => ({
    unit: splitLengthPrefixed(data).map((nal) => nal.toHex()).join(' '),
    key,
    timestamp,
    ...(config?.kind === 'video' && { size: `${config.codecString} ${config.width}x${config.height}` }),
  }));
}

const HEAD: Step[] = [
  [stapA(small), 0],
  ['6588aa', 0, true],
];
const FIRST = { unit: '6588aa', key: true, timestamp: 0, size: 'avc1.42c01e 640x360' };

describe('depacketising H.264 (RFC 6184)', () => {
  it('takes single NAL units and STAP-A, sets parameter sets aside and drops delimiters and filler', () => {
    expect(run([['09f0', 0], [small.sps, 0], [small.pps, 0], ['0605aa', 0], ['6588aa', 0], ['0cff80', 0, true]])).toEqual([{ ...FIRST, unit: '0605aa 6588aa' }]);
    expect(run([[`${stapA(small)} 0003 6588aa`, 0, true]])).toEqual([FIRST]);
  });

  it('joins FU-A to the NAL unit whose header they tell', () => {
    expect(run([[stapA(small), 0], ['7c85 88aa', 0], ['7c05 bb', 0], ['7c45 ccdd', 0, true]])).toEqual([{ ...FIRST, unit: '6588aabbccdd' }]);
    expect(run([[stapA(small), 0], ['7cc5 88aa', 0, true]])).toEqual([FIRST]);
  });

  it('takes parameter sets from fragments too', () => {
    const half = small.sps.slice(2, 20);
    expect(run([[`7c87 ${half}`, 0], [`7c47 ${small.sps.slice(20)}`, 0], [small.pps, 0], ['6588aa', 0, true]])).toEqual([FIRST]);
  });

  it('calls a unit key where an IDR picture is inside and nowhere else', () => {
    expect(run([...HEAD, ['419abb', 1, true], ['0605aa', 2], ['2188', 2, true], ['6588', 3, true]]).map(({ key }) => key)).toEqual([true, false, false, true]);
  });

  it('gives the configuration again where the size changes in mid-stream, and only there', () => {
    expect(run([...HEAD, [stapA(small), 1], ['6588', 1, true], ['4188', 2, true], [stapA(big), 3], ['6588', 3, true]]).map(({ size }) => size)).toEqual([
      'avc1.42c01e 640x360',
      undefined,
      undefined,
      'avc1.64002a 1920x1080',
    ]);
  });

  it('makes the same configuration as the other ways in', () => {
    const depacketizer = createDepacketizer('h264');
    const unit = depacketizer.push({ payload: bytes(`${stapA(small)} 0003 6588aa`), timestamp: 0, sequence: 0, marker: true });
    expect(unit?.config).toEqual(h264Config({ sps: [bytes(small.sps)], pps: [bytes(small.pps)] }).config);
  });

  it('gives nothing before the first configuration', () => {
    expect(run([['6588aa', 0, true], ['4188', 1, true], [stapA(small), 2], ['6588aa', 2, true]])).toEqual([{ ...FIRST, timestamp: 2 }]);
  });

  it('finds the end of a unit without its marker, by the next one', () => {
    expect(run([[stapA(small), 0], ['6588aa', 0], ['4188', 1], ['4188', 2, true], ['4188', 3]])).toEqual([
      FIRST,
      { unit: '4188', key: false, timestamp: 1 },
      { unit: '4188', key: false, timestamp: 2 },
    ]);
  });

  const damaged: [name: string, steps: Step[]][] = [
    ['with a lost middle', [['7c81 88', 1], 'lost', ['7c41 cc', 1, true]]],
    ['with a lost end', [['7c81 88', 1], 'lost']],
    ['with a lost slice in between', [['4188', 1], 'lost', ['4140', 1, true]]],
    ['whose first slice is lost', ['lost', ['4140', 1, true]]],
    ['with a fragment that never began', [['7c01 88', 1, true]]],
    ['with a fragment that never ends', [['7c81 88', 1, true]]],
    ['with a fragment that never ends before another unit', [['7c81 88', 1], ['4140', 1, true]]],
    ['with a fragment that begins twice', [['7c81 88', 1], ['7c81 88', 1], ['7c41 88', 1, true]]],
    ['with a fragment of another NAL unit', [['7c81 88', 1], ['7c46 88', 1, true]]],
    ['with a STAP-A past the end', [['78 0003 4188', 1, true]]],
    ['with an empty unit in a STAP-A', [['78 0000 0002 4188', 1, true]]],
    ['with an empty STAP-A', [['78', 1], ['4188', 1, true]]],
    ['with a FU-A of one byte', [['7c', 1], ['4188', 1, true]]],
    ['with the forbidden bit', [['c188', 1, true]]],
    ['of interleaved mode', [['7d81 0000 88', 1, true]]],
    ['of a reserved type', [['5e88', 1], ['4188', 1, true]]],
    ['with a sequence parameter set that cannot be read', [['67', 1], ['68ce3c80', 1], ['6588', 1, true]]],
    ['with a slice of one byte', [['41', 1, true]]],
  ];

  it.each(damaged)('throws a unit away %s, and goes on with the next', (_name, steps) => {
    expect(run([...HEAD, ...steps, ['4188ee', 2], ['4140ee', 2, true]])).toEqual([FIRST, { unit: '4188ee 4140ee', key: false, timestamp: 2 }]);
  });

  it('throws an IDR picture away that may have lost its parameter sets, where the sender sends them each time', () => {
    expect(run([...HEAD, 'lost', ['6588', 1, true], [stapA(small), 2], ['6588', 2, true]]).map(({ timestamp }) => timestamp)).toEqual([0, 2]);
    expect(run([...HEAD, ['6588', 1, true], 'lost', ['6588', 2, true]]).map(({ timestamp }) => timestamp)).toEqual([0, 1, 2]);
  });

  it('ignores what comes twice or late', () => {
    const depacketizer = createDepacketizer('h264');
    const push = (payload: string, sequence: number, marker: boolean) => depacketizer.push({ payload: bytes(payload), timestamp: 0, sequence, marker });
    push(stapA(small), 10, false);
    push('7c85 88aa', 11, false);
    push('7c85 88aa', 11, false);
    push(stapA(small), 10, false);
    expect(push('7c45 bb', 12, true)?.data.toHex()).toBe('000000046588aabb');
  });

  it('counts padding as received', () => {
    expect(run([[stapA(small), 0], ['', 0], ['6588aa', 0, true], ['', 0], ['4188', 1, true]])).toHaveLength(2);
  });

  it('hears of a gap by word as well as by number', () => {
    const depacketizer = createDepacketizer('h264');
    depacketizer.push({ payload: bytes(stapA(small)), timestamp: 0, sequence: 0, marker: false });
    depacketizer.gap();
    expect(depacketizer.push({ payload: bytes('6588aa'), timestamp: 0, sequence: 1, marker: true })).toBeUndefined();
  });
});

describe('packetising H.264 (RFC 6184)', () => {
  const sets = parameterSetsOf(h264Config({ sps: [bytes(small.sps)], pps: [bytes(small.pps)] }).config.description);

  it('sends a unit that fits as it is', () => {
    expect(hex(packetizeH264(joinLengthPrefixed([bytes('4188aa')]), false, sets, 64))).toEqual(['4188aa']);
  });

  it('puts small units together in a STAP-A with the highest NRI', () => {
    expect(hex(packetizeH264(joinLengthPrefixed([bytes('0605'), bytes('4188aa')]), false, sets, 64))).toEqual(['58 0002 0605 0003 4188aa'.replaceAll(' ', '')]);
  });

  it('puts the parameter sets before an IDR picture, in one packet with it where it fits', () => {
    const unit = joinLengthPrefixed([bytes('6588aa')]);
    expect(hex(packetizeH264(unit, true, sets, 1160))).toEqual([`${stapA(small)}00036588aa`]);
    expect(hex(packetizeH264(unit, true, sets, 64)).join(' ')).toContain(small.sps);
  });

  it('fragments in equal pieces, the header in the FU indicator and FU header', () => {
    const nal = Uint8Array.from({ length: 150 }, (_, i) => (i === 0 ? 0x65 : i));
    const payloads = packetizeH264(joinLengthPrefixed([nal]), true, sets, 64);
    expect(hex(payloads.slice(0, 1))).toEqual([stapA(small)]);
    const fragments = payloads.slice(1);
    expect(fragments.map(({ length }) => length)).toEqual([52, 52, 51]);
    expect(fragments.map((one) => one.subarray(0, 2).toHex())).toEqual(['7c85', '7c05', '7c45']);
    expect([0x65, ...fragments.flatMap((one) => [...one.subarray(2)])]).toEqual([...nal]);
  });

  it('leaves old parameter sets in a key frame out: the configuration counts', () => {
    expect(hex(packetizeH264(joinLengthPrefixed([bytes(big.sps), bytes(big.pps), bytes('6588')]), true, sets, 1160))).toEqual([`${stapA(small)}00026588`]);
  });

  it('refuses what is no list of NAL units', () => {
    expect(() => packetizeH264(bytes('00000009 41'), false, sets, 1160)).toThrowError(expect.objectContaining({ code: 'media/truncated' }));
  });
});
