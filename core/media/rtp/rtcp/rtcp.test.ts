import { describe, expect, it } from 'vitest';

import type { RtcpPacket } from './packets.ts';
import { parseRtcp } from './parse.ts';
import {
  compound,
  writeBye,
  writeFir,
  writeNack,
  writePli,
  writeReceiverReport,
  writeRemb,
  writeSdes,
  writeSenderReport,
  writeTransportFeedback,
} from './write.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.fromHex(hex.replaceAll(' ', ''));

const report = {
  ssrc: 0x902f9e2e,
  fractionLost: 85,
  cumulativeLost: 3,
  highestSequence: 0x00010101,
  jitter: 7,
  lastSenderReport: 0x09f00600,
  delaySinceLastSenderReport: 0x0000_f000,
};
const reportHex = '902f9e2e 55000003 00010101 00000007 09f00600 0000f000';

/** Each packet, its bytes and its writer's. */
const cases: [name: string, hex: string, packet: RtcpPacket, write: () => Uint8Array][] = [
  (() => {
    const fields = { ssrc: 1, ntpSeconds: 0xda8bd1fc, ntpFraction: 0xdddda05a, rtpTimestamp: 0xaaf4edd5, packetCount: 1, octetCount: 2, reports: [report] };
    return ['SR (RFC 3550, 6.4.1)', `81c8000c 00000001 da8bd1fc dddda05a aaf4edd5 00000001 00000002 ${reportHex}`, { kind: 'sender-report', ...fields }, () => writeSenderReport(fields)];
  })(),
  (() => {
    const fields = { ssrc: 1, reports: [report, { ...report, cumulativeLost: -2 }] };
    return ['RR (RFC 3550, 6.4.2)', `82c9000d 00000001 ${reportHex} ${reportHex.replace('55000003', '55fffffe')}`, { kind: 'receiver-report', ...fields }, () => writeReceiverReport(fields)];
  })(),
  ['RR without reports', '80c90001 00000001', { kind: 'receiver-report', ssrc: 1, reports: [] }, () => writeReceiverReport({ ssrc: 1, reports: [] })],
  (() => {
    const fields = { chunks: [{ ssrc: 1, cname: 'ab' }, { ssrc: 2, cname: 'abc' }, { ssrc: 3 }] };
    return ['SDES (RFC 3550, 6.5)', '83ca0008 00000001 0102616200000000 00000002 0103616263000000 00000003 00000000', { kind: 'sdes', ...fields }, () => writeSdes(fields)];
  })(),
  ['BYE (RFC 3550, 6.6)', '82cb0002 00000001 00000002', { kind: 'bye', ssrcs: [1, 2] }, () => writeBye({ ssrcs: [1, 2] })],
  ['BYE with a reason', '81cb0003 00000001 04627965 21000000', { kind: 'bye', ssrcs: [1], reason: 'bye!' }, () => writeBye({ ssrcs: [1], reason: 'bye!' })],
  (() => {
    const fields = { senderSsrc: 1, mediaSsrc: 2, sequenceNumbers: [0xfffe, 0xffff, 0, 14, 15, 100] };
    return ['NACK (RFC 4585, 6.2.1)', '81cd0005 00000001 00000002 fffe8003 000f0000 00640000', { kind: 'nack', ...fields }, () => writeNack(fields)];
  })(),
  ['PLI (RFC 4585, 6.3.1)', '81ce0002 00000001 00000002', { kind: 'pli', senderSsrc: 1, mediaSsrc: 2 }, () => writePli({ senderSsrc: 1, mediaSsrc: 2 })],
  (() => {
    const fields = { senderSsrc: 1, requests: [{ ssrc: 2, sequenceNumber: 255 }] };
    return ['FIR (RFC 5104, 4.3.1)', '84ce0004 00000001 00000000 00000002 ff000000', { kind: 'fir', ...fields }, () => writeFir(fields)];
  })(),
  (() => {
    const fields = { senderSsrc: 1, bitrate: 8_927_168, ssrcs: [1_215_622_422] };
    return ['REMB (draft-alvestrand-rmcat-remb-03)', '8fce0005 00000001 00000000 52454d42 011a20df 4874ed16', { kind: 'remb', ...fields }, () => writeRemb(fields)];
  })(),
];

describe('RTCP', () => {
  it.each(cases)('reads %s', (_name, hex, packet) => {
    expect(parseRtcp(bytes(hex))).toEqual([packet]);
  });

  it.each(cases)('writes %s', (_name, hex, _packet, write) => {
    expect(write().toHex()).toBe(bytes(hex).toHex());
  });

  it('reads a whole compound in its order', () => {
    const all = compound(...cases.map(([, , , write]) => write()));
    expect(parseRtcp(all)).toEqual(cases.map(([, , packet]) => packet));
  });

  it('gives whole packets alone at every truncation, and what came before', () => {
    const parts = cases.map(([, , , write]) => write());
    const all = compound(...parts, writeTransportFeedback({ senderSsrc: 1, mediaSsrc: 2, feedbackCount: 0, baseSequence: 0, referenceTime: 0, arrivals: Int32Array.of(1, 300) }));
    for (let length = 0; length < all.length; length += 1) {
      let whole = 0;
      for (let end = parts[0]!.length; whole < parts.length && end <= length; end += parts[whole]?.length ?? 0) {
        whole += 1;
      }
      expect(parseRtcp(all.subarray(0, length))).toEqual(cases.slice(0, whole).map(([, , packet]) => packet));
    }
  });

  it.each([
    ['another version', '40c90001 00000001'],
    ['a sender report cut short', '80c80005 00000001 00000002 00000003 00000004 00000005'],
    ['more reports than bytes', '81c90001 00000001'],
    ['a CNAME past the end', '81ca0002 00000001 01ff6162'],
    ['a chunk without its end', '81ca0002 00000001 01026162'],
    ['more chunks than bytes', '82ca0002 00000001 00000000'],
    ['more sources than bytes', '82cb0001 00000001'],
    ['a reason past the end', '81cb0002 00000001 04627965'],
    ['feedback without sources', '81cd0001 00000001'],
    ['REMB for more sources than bytes', '8fce0004 00000001 00000000 52454d42 020004d2'],
    ['padding of 0', 'a0c90002 00000001 00000000'],
    ['padding longer than the packet', 'a0c90002 00000001 0000000c'],
  ])('stops at %s', (_name, hex) => {
    expect(parseRtcp(compound(writePli({ senderSsrc: 1, mediaSsrc: 2 }), bytes(hex), writeBye({ ssrcs: [1] })))).toHaveLength(1);
  });

  it.each([
    ['80cc0003 00000001 6e616d65 00000000', { kind: 'unknown', packetType: 204, format: 0 }],
    ['80cf0001 00000001', { kind: 'unknown', packetType: 207, format: 0 }],
    ['82cd0002 00000001 00000002', { kind: 'unknown', packetType: 205, format: 2 }],
    ['8fce0003 00000001 00000002 61626364', { kind: 'unknown', packetType: 206, format: 15 }],
    ['82ce0002 00000001 00000002', { kind: 'unknown', packetType: 206, format: 2 }],
  ])('passes over %s, which it does not know', (hex, packet) => {
    expect(parseRtcp(compound(bytes(hex), writePli({ senderSsrc: 1, mediaSsrc: 2 })))).toEqual([packet, { kind: 'pli', senderSsrc: 1, mediaSsrc: 2 }]);
  });

  it('reads padded packets without their padding', () => {
    expect(parseRtcp(bytes('a1cd0004 00000001 00000002 00050000 00000004'))).toEqual([{ kind: 'nack', senderSsrc: 1, mediaSsrc: 2, sequenceNumbers: [5] }]);
  });

  it('stops after 64 packets', () => {
    expect(parseRtcp(compound(...Array.from({ length: 100 }, () => writePli({ senderSsrc: 1, mediaSsrc: 2 }))))).toHaveLength(64);
  });

  it.each([
    [0, 0],
    [262_143, 262_143],
    [262_144, 262_144],
    [1_000_001, 1_000_000],
    [2 ** 40 + 1, 2 ** 40],
  ])('writes REMB of %i bit/s as %i', (bitrate, written) => {
    expect(parseRtcp(writeRemb({ senderSsrc: 1, bitrate, ssrcs: [] }))).toEqual([{ kind: 'remb', senderSsrc: 1, bitrate: written, ssrcs: [] }]);
  });

  it('keeps what was lost within 24 bits', () => {
    for (const [lost, written] of [[0x80_0000, 0x7f_ffff], [-0x80_0001, -0x80_0000]] as const) {
      expect(parseRtcp(writeReceiverReport({ ssrc: 1, reports: [{ ...report, cumulativeLost: lost }] }))).toEqual([
        { kind: 'receiver-report', ssrc: 1, reports: [{ ...report, cumulativeLost: written }] },
      ]);
    }
  });

  it('refuses to write what no packet can say', () => {
    for (const write of [
      () => writeNack({ senderSsrc: 1, mediaSsrc: 2, sequenceNumbers: [] }),
      () => writeSdes({ chunks: [{ ssrc: 1, cname: 'x'.repeat(256) }] }),
      () => writeBye({ ssrcs: [1], reason: 'x'.repeat(256) }),
      () => writeReceiverReport({ ssrc: 1, reports: Array.from({ length: 32 }, () => report) }),
      () => writeRemb({ senderSsrc: 1, bitrate: 1, ssrcs: Array.from({ length: 256 }, () => 1) }),
    ]) {
      expect(write).toThrowError(RangeError);
    }
  });
});
