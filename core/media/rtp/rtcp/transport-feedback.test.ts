import { describe, expect, it } from 'vitest';

import { seeded } from '../testing/recordings.ts';
import { NOT_RECEIVED, type TransportFeedback } from './packets.ts';
import { parseRtcp } from './parse.ts';
import { writeTransportFeedback } from './transport-feedback.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.fromHex(hex.replaceAll(' ', ''));
const N = NOT_RECEIVED;

/** Header and fixed part of feedback from base sequence 5 on `count` packets at reference time 1, feedback 9. */
function feedback(count: number, chunksAndDeltas: string): Uint8Array {
  const rest = bytes(chunksAndDeltas);
  const padding = (4 - (rest.length % 4)) % 4;
  const words = (16 + rest.length + padding) / 4;
  const head = `${padding > 0 ? 'af' : '8f'}cd${words.toString(16).padStart(4, '0')} 00000001 00000002 0005 ${count.toString(16).padStart(4, '0')} 000001 09`;
  return bytes(head + rest.toHex() + (padding > 0 ? '00'.repeat(padding - 1) + padding.toString(16).padStart(2, '0') : ''));
}

function parseOne(packet: Uint8Array): TransportFeedback | undefined {
  const [first] = parseRtcp(packet);
  return first?.kind === 'transport-cc' ? first : undefined;
}

const cases: [name: string, count: number, body: string, arrivals: number[]][] = [
  ['a run of small deltas', 3, '2003 04 08 0c', [4, 12, 24]],
  ['a run of packets that did not arrive', 4, '0003 2001 07', [N, N, N, 7]],
  ['a run of large deltas, negative ones too', 2, '4002 0400 fff0', [1024, 1008]],
  ['a one-bit vector', 14, 'a881 01 02 03 04', [1, N, 3, N, N, N, 6, N, N, N, N, N, N, 10]],
  ['a two-bit vector', 7, 'd840 01 0100 02', [1, 257, N, 259, N, N, N]],
  ['a vector cut by the count', 3, 'd000 05', [5, N, N]],
  ['several chunks', 11, '2002 c640 0001 2001 01 02 03 0300 03 04', [1, 3, N, 6, 774, 777, N, N, N, N, 781]],
];

describe('parsing transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01, 3.1)', () => {
  it.each(cases)('reads %s', (_name, count, body, arrivals) => {
    expect(parseOne(feedback(count, body))).toEqual({
      kind: 'transport-cc',
      senderSsrc: 1,
      mediaSsrc: 2,
      feedbackCount: 9,
      baseSequence: 5,
      referenceTime: 1,
      arrivals: Int32Array.from(arrivals),
    });
  });

  it('reads what Chromium sent: one packet 37 ms after the reference', () => {
    expect(parseOne(bytes('afcd0005 fa17fa17 43032fa0 00990001 3de80217 20019401'))).toEqual({
      kind: 'transport-cc',
      senderSsrc: 0xfa17fa17,
      mediaSsrc: 0x43032fa0,
      feedbackCount: 0x17,
      baseSequence: 153,
      referenceTime: 0x3de802,
      arrivals: Int32Array.of(148),
    });
  });

  it('reads what Chromium sent: a packet and one that overtook it', () => {
    expect(parseOne(bytes('afcd0006 fa17fa17 193dd8bb 01740002 45b15a40 d800f0ff d0000003'))?.arrivals).toEqual(Int32Array.of(240, 192));
  });

  it('reads a reference time below 0', () => {
    const packet = feedback(1, '2001 04');
    packet.set([0xff, 0xff, 0xfe], 16);
    expect(parseOne(packet)?.referenceTime).toBe(-2);
  });

  it.each([
    ['chunks that end before the count', 20, '2001'],
    ['deltas that end before the packets', 3, '2003 01'],
    ['half a large delta', 1, '4001 01'],
    ['the reserved symbol', 1, 'f000 01'],
    ['the reserved symbol in a run', 1, '6001 01'],
  ])('refuses %s', (_name, count, body) => {
    expect(parseRtcp(feedback(count, body))).toEqual([]);
  });

  it('refuses to speak of more packets than a receiver can have had', () => {
    const runs = `${'1fff'.repeat(8)}0007`;
    expect(parseRtcp(feedback(65_535, runs))).toEqual([]);
    const compound = Uint8Array.from([...feedback(2000, '07d0'), ...feedback(2000, '07d0')]);
    expect(parseRtcp(compound)).toHaveLength(1);
  });
});

describe('writing transport-wide feedback', () => {
  const base = { senderSsrc: 1, mediaSsrc: 2, feedbackCount: 9, baseSequence: 5, referenceTime: 1 };

  it.each([
    ['a run', [4, 12, 24], '2003 04080c'],
    ['packets that did not arrive', [N, N, N, 7], '8400 07'],
    ['large deltas', [1024, 1008], '4002 0400fff0'],
    ['a mixture in a two-bit vector', [1, 257, N, 259, N, N, N], 'd840 01010002'],
  ])('puts %s into the fewest bytes', (_name, arrivals, body) => {
    expect(writeTransportFeedback({ ...base, arrivals: Int32Array.from(arrivals) }).toHex()).toBe(feedback(arrivals.length, body).toHex());
  });

  it('gives back whatever arrived in whatever order', () => {
    const random = seeded(7);
    for (let round = 0; round < 300; round += 1) {
      let time = 0;
      const lossy = random();
      const wild = random() * 0.3;
      const arrivals = Int32Array.from({ length: 1 + Math.floor(random() * 400) }, () => {
        time += random() < wild ? Math.floor((random() - 0.3) * 20_000) : Math.floor(random() * 256);
        return random() < lossy ? time : N;
      });
      const feedbackOf = { ...base, feedbackCount: round % 256, baseSequence: 65_400, referenceTime: 5 - round, arrivals };
      let written: Uint8Array;
      try {
        written = writeTransportFeedback(feedbackOf);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
        continue;
      }
      expect(written.length % 4).toBe(0);
      expect(parseRtcp(written)).toEqual([{ kind: 'transport-cc', ...feedbackOf }]);
    }
  });

  it('refuses arrivals further apart than 8.19 s, and none', () => {
    expect(() => writeTransportFeedback({ ...base, arrivals: Int32Array.of(0, 32_768) })).toThrowError(RangeError);
    expect(() => writeTransportFeedback({ ...base, arrivals: new Int32Array() })).toThrowError(RangeError);
    expect(parseOne(writeTransportFeedback({ ...base, arrivals: Int32Array.of(0, 32_767) }))?.arrivals).toEqual(Int32Array.of(0, 32_767));
  });
});
