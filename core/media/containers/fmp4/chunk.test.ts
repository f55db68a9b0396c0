import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../../runtime/errors.ts';
import { wallTime, type Ticks } from '../../time.ts';
import { chunk, type Sample } from './chunk.ts';
import { readChunks } from './read-chunks.ts';

function sample(dts: number, fields: { pts?: number; duration?: number; key?: boolean; data?: readonly number[] } = {}): Sample {
  const { pts = dts, duration = 3000, key = false, data = [dts & 0xff] } = fields;
  return { dts: dts as Ticks, pts: pts as Ticks, duration: duration as Ticks, key, data: Uint8Array.from(data) };
}

describe('a chunk, byte by byte (ISO/IEC 14496-12)', () => {
  it.each([
    {
      name: 'of an IDR, a P and a B picture behind a prft: only the flags of the rest are common',
      samples: [
        sample(0x1_0000_1000, { pts: 0x1_0000_1bb8, key: true, data: [0xaa, 0xbb, 0xcc] }),
        sample(0x1_0000_1bb8, { pts: 0x1_0000_3328, data: [0xdd] }),
        sample(0x1_0000_2770, { pts: 0x1_0000_2000, duration: 3001, data: [0xee, 0xff] }),
      ],
      options: { sequence: 0x89abcdef, producerReference: { wallTime: wallTime(1_500), pts: 0x1_0000_1bb8 as Ticks } },
      expected: `
        00000020 70726674 01000018 00000001 83aa7e81 80000000 00000001 00001bb8
        00000084 6d6f6f66
          00000010 6d666864 00000000 89abcdef
          0000006c 74726166
            00000014 74666864 00020020 00000001 01010000
            00000014 74666474 01000000 00000001 00001000
            0000003c 7472756e 01000b05 00000003 0000008c 02000000
              00000bb8 00000003 00000bb8
              00000bb8 00000001 00001770
              00000bb9 00000002 fffff890
        0000000e 6d646174 aabbccddeeff`,
    },
    {
      name: 'of audio: only sizes differ',
      samples: [
        sample(1024, { duration: 1024, key: true, data: [1] }),
        sample(2048, { duration: 1024, key: true, data: [2, 3] }),
      ],
      options: { sequence: 7 },
      expected: `
        00000068 6d6f6f66
          00000010 6d666864 00000000 00000007
          00000050 74726166
            00000018 74666864 00020028 00000001 00000400 02000000
            00000014 74666474 01000000 00000000 00000400
            0000001c 7472756e 01000201 00000002 00000070
              00000001
              00000002
        0000000b 6d646174 010203`,
    },
    {
      name: 'of one picture: nothing differs',
      samples: [sample(90_000, { key: false, data: [9, 9] })],
      options: { sequence: 0 },
      expected: `
        00000064 6d6f6f66
          00000010 6d666864 00000000 00000000
          0000004c 74726166
            0000001c 74666864 00020038 00000001 00000bb8 00000002 01010000
            00000014 74666474 01000000 00000000 00015f90
            00000014 7472756e 01000001 00000001 0000006c
        0000000a 6d646174 0909`,
    },
    {
      name: 'of pictures with an IDR in the middle: each states its flags',
      samples: [sample(0, { data: [1] }), sample(3000, { key: true, data: [2] }), sample(6000, { data: [3] })],
      options: { sequence: 1 },
      expected: `
        0000006c 6d6f6f66
          00000010 6d666864 00000000 00000001
          00000054 74726166
            00000018 74666864 00020018 00000001 00000bb8 00000001
            00000014 74666474 01000000 00000000 00000000
            00000020 7472756e 01000401 00000003 00000074
              01010000
              02000000
              01010000
        0000000b 6d646174 010203`,
    },
  ])('$name', ({ samples, options, expected }) => {
    expect(chunk(samples, options).toHex()).toBe(expected.replace(/\s+/g, ''));
  });

  it('begins and ends where it is told to, and keeps every pts', () => {
    const samples = [sample(9000, { key: true, data: [1] }), sample(12_000, { data: [2] })];
    const [read] = readChunks(chunk(samples, { sequence: 1, start: 6000 as Ticks, end: 16_500 as Ticks }));
    expect(read?.baseMediaDecodeTime).toBe(6000);
    expect(read?.samples.map(({ dts, pts, duration }) => ({ dts, pts, duration }))).toEqual([
      { dts: 6000, pts: 9000, duration: 6000 },
      { dts: 12_000, pts: 12_000, duration: 4500 },
    ]);
  });

  it('needs a sample', () => {
    expect(() => chunk([], { sequence: 0 })).toThrow(RangeError);
  });
});

describe('readChunks', () => {
  it('reads back what chunk wrote, whatever the samples have in common', () => {
    const random = xorshift(1);
    for (let round = 0; round < 500; round++) {
      let dts = Math.floor(random() * 2 ** 40);
      const samples = Array.from({ length: 1 + Math.floor(random() * 9) }, () => {
        const duration = random() < 0.7 ? 3000 : 2999 + Math.floor(random() * 3);
        const next = sample(dts, {
          pts: dts + (round % 3 === 0 ? 0 : Math.floor(random() * 9000) - 3000),
          duration,
          key: random() < (round % 2) * 0.5 + 0.1,
          data: Array.from({ length: round % 4 === 0 ? 5 : Math.floor(random() * 20) }, () => Math.floor(random() * 256)),
        });
        dts += duration;
        return next;
      });
      const producerReference = round % 5 === 0 ? { wallTime: wallTime(1_790_000_000_000 + round), pts: (samples[0] as Sample).pts } : undefined;
      const bytes = chunk(samples, { sequence: round, ...(producerReference === undefined ? {} : { producerReference }) });
      const [read, ...others] = readChunks(bytes);
      expect(others).toEqual([]);
      expect(read?.sequence).toBe(round);
      expect(read?.baseMediaDecodeTime).toBe(samples[0]?.dts);
      expect(read?.samples).toEqual(samples);
      expect(read?.producerReference?.pts).toBe(producerReference?.pts);
      expect(read?.producerReference?.wallTime ?? 0).toBeCloseTo(producerReference?.wallTime ?? 0, 3);
    }
  });

  it('answers bytes that were cut off, or hold nonsense, with an error of its own', () => {
    const whole = chunk([sample(0, { key: true, data: [1, 2, 3] }), sample(3000, { data: [4] })], { sequence: 1 });
    for (let length = 1; length < whole.length; length++) {
      expect(() => readChunks(whole.subarray(0, length)), `${length} bytes`).toThrow(MillraceError);
    }
    const random = xorshift(2);
    for (let round = 0; round < 2000; round++) {
      const bytes = whole.slice();
      for (let change = 0; change < 3; change++) {
        bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      }
      try {
        readChunks(bytes);
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(MillraceError);
      }
    }
  });
});

/** Random numbers from 0 to 1, the same in every run. */
function xorshift(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
