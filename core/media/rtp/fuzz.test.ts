import { describe, expect, it } from 'vitest';

import { createDepacketizer } from './depacketizer.ts';
import { parseRtcp } from './rtcp/parse.ts';
import { compound, writeBye, writeNack, writeReceiverReport, writeRemb, writeSdes, writeTransportFeedback } from './rtcp/write.ts';
import { parseRtpHeader, readExtension, rtpPayload, writeRtpHeader } from './rtp-header.ts';
import { RECORDINGS, depacketize, seeded } from './testing/recordings.ts';
import { UnitBuffer } from './unit-buffer.ts';

const ROUNDS = 4000;

function noise(random: () => number, max: number): Uint8Array {
  return Uint8Array.from({ length: Math.floor(random() * max) }, () => Math.floor(random() * 256));
}

/** A copy with some bits flipped, a stretch cut out, or its end cut off. */
function mutate(bytes: Uint8Array, random: () => number): Uint8Array {
  const out = bytes.slice();
  for (let flips = Math.floor(random() * 4); flips > 0 && out.length > 0; flips -= 1) {
    // Headers are where parsers err: half of the flips are in the first bytes.
    const at = Math.floor(random() * (random() < 0.5 ? Math.min(16, out.length) : out.length));
    out[at] = out[at]! ^ (1 << Math.floor(random() * 8));
  }
  return random() < 0.2 ? out.subarray(0, Math.floor(random() * (out.length + 1))) : out;
}

describe('hostile packets', () => {
  it('as RTP headers throw nothing and lead nowhere outside', () => {
    const random = seeded(3);
    const good = new Uint8Array(80);
    writeRtpHeader(good, 0, { payloadType: 96, marker: true, sequenceNumber: 1, timestamp: 2, ssrc: 3, extensions: [{ id: 1, data: new Uint8Array(3) }, { id: 5, data: new Uint8Array(2) }] });
    for (let round = 0; round < ROUNDS; round += 1) {
      const packet = random() < 0.3 ? noise(random, 100) : mutate(good, random);
      const header = parseRtpHeader(packet);
      if (header !== undefined) {
        expect(header.payloadOffset + header.payloadLength + header.padding).toBe(packet.length);
        expect(rtpPayload(packet, header)).toHaveLength(header.payloadLength);
        for (let id = 0; id < 17; id += 1) {
          expect(readExtension(packet, header, id)?.length ?? 0).toBeLessThanOrEqual(header.extensionLength);
        }
      }
    }
  });

  it('as RTCP throw nothing and make no more than they are worth', () => {
    const random = seeded(4);
    const report = { ssrc: 1, fractionLost: 2, cumulativeLost: 3, highestSequence: 4, jitter: 5, lastSenderReport: 6, delaySinceLastSenderReport: 7 };
    const good = compound(
      writeReceiverReport({ ssrc: 1, reports: [report, report] }),
      writeSdes({ chunks: [{ ssrc: 1, cname: 'abcdef' }] }),
      writeNack({ senderSsrc: 1, mediaSsrc: 2, sequenceNumbers: [1, 2, 3, 90] }),
      writeTransportFeedback({ senderSsrc: 1, mediaSsrc: 2, feedbackCount: 0, baseSequence: 0, referenceTime: 0, arrivals: Int32Array.from({ length: 40 }, (_, i) => i * 100) }),
      writeRemb({ senderSsrc: 1, bitrate: 1e6, ssrcs: [2, 3] }),
      writeBye({ ssrcs: [1], reason: 'bye' }),
    );
    for (let round = 0; round < ROUNDS; round += 1) {
      const packet = random() < 0.2 ? noise(random, 200) : mutate(mutate(good, random), random);
      let statuses = 0;
      let numbers = 0;
      for (const parsed of parseRtcp(packet)) {
        statuses += parsed.kind === 'transport-cc' ? parsed.arrivals.length : 0;
        numbers += parsed.kind === 'nack' ? parsed.sequenceNumbers.length : 0;
      }
      expect(statuses).toBeLessThanOrEqual(2048);
      expect(numbers).toBeLessThanOrEqual((17 * packet.length) / 4);
    }
  });

  it.each(RECORDINGS)('in a stream of $name throw nothing, and what is whole comes again after them', ({ codec, packets }) => {
    const random = seeded(5);
    const depacketizer = createDepacketizer(codec);
    let sequence = 0;
    for (let round = 0; round < 150; round += 1) {
      for (const packet of packets) {
        sequence += random() < 0.05 ? 2 : 1;
        const payload = random() < 0.2 ? noise(random, 60) : random() < 0.5 ? mutate(packet.payload, random) : packet.payload;
        const unit = depacketizer.push({ payload, sequence, timestamp: packet.timestamp + round * 90_000, marker: random() < 0.05 ? !packet.marker : packet.marker });
        expect(unit?.data.length ?? 0).toBeLessThan(1e6);
      }
    }
    const after = packets.map((packet, i) => ({ ...packet, sequence: sequence + 2 + i, timestamp: packet.timestamp + 1e9 }));
    const units = depacketize(after, depacketizer).filter(({ timestamp }) => timestamp >= 1e9);
    expect(units).toHaveLength(new Set(packets.map(({ timestamp }) => timestamp)).size);
  });

  it.each(RECORDINGS)('cut off anywhere in a stream of $name throw nothing', ({ codec, packets }) => {
    const [first] = packets;
    if (first === undefined) {
      throw new Error('an empty recording');
    }
    for (let length = 0; length <= Math.min(400, first.payload.length); length += 1) {
      const depacketizer = createDepacketizer(codec);
      expect(() => depacketizer.push({ ...first, payload: first.payload.subarray(0, length), marker: true })).not.toThrow();
    }
  });

  it.each([
    ['h264', '1c8500', '1c0500'],
    ['vp8', '10', '00'],
    ['vp9', '08', '00'],
    ['av1', '5032', 'd0'],
  ] as const)('that never end an access unit of %s are thrown away after 8 MiB', (codec, start, next) => {
    const depacketizer = createDepacketizer(codec);
    const payload = new Uint8Array(20_000);
    for (let sequence = 0; sequence < 1000; sequence += 1) {
      payload.set(Uint8Array.fromHex(sequence === 0 ? start : next));
      expect(depacketizer.push({ payload, sequence, timestamp: 0, marker: sequence === 999 })).toBeUndefined();
    }
  });
});

describe('UnitBuffer', () => {
  it('takes 8 MiB and not a byte more', () => {
    const buffer = new UnitBuffer();
    const mebibyte = new Uint8Array(1024 * 1024).fill(7);
    for (let i = 0; i < 8; i += 1) {
      expect(buffer.append(mebibyte)).toBe(true);
    }
    expect(buffer.append(Uint8Array.of(1))).toBe(false);
    expect(buffer.extend(1)).toBe(false);
    expect(buffer.copy()).toHaveLength(8 * 1024 * 1024);
    buffer.clear();
    expect(buffer.length).toBe(0);
    expect(buffer.extend(4) && buffer.copy().toHex()).toBe('00000000');
  });
});
