import { describe, expect, it } from 'vitest';
import { heardFrom, readOutbound } from './outbound.ts';
import type { StatsRow } from './outbound.ts';

const layer = (id: string, timestamp: number, more: object): StatsRow => ({ id, type: 'outbound-rtp', kind: 'video', timestamp, active: true, codecId: 'C', ...more });
const pair = (timestamp: number, more: object): StatsRow => ({ id: 'P', type: 'candidate-pair', timestamp, localCandidateId: 'L', nominated: true, state: 'succeeded', ...more });
const reading = (timestamp: number, times: number): StatsRow[] => [
  layer('low', timestamp, { rid: '180p', bytesSent: 25_000 * times, retransmittedBytesSent: 5_000 * times, framesEncoded: 30 * times, frameWidth: 320, frameHeight: 180, qualityLimitationReason: 'none', encoderImplementation: 'OpenH264' }),
  layer('high', timestamp, { rid: '720p', bytesSent: 250_000 * times, framesEncoded: 20 * times, frameWidth: 1280, frameHeight: 720, qualityLimitationReason: 'cpu' }),
  { id: 'A', type: 'outbound-rtp', kind: 'audio', timestamp, bytesSent: 8_000 * times },
  { id: 'R', type: 'remote-inbound-rtp', timestamp, fractionLost: 0.02, roundTripTime: 0.5 },
  pair(timestamp, { bytesSent: 300_000 * times, currentRoundTripTime: 0.04, availableOutgoingBitrate: 3_000_000 }),
  { id: 'T', type: 'transport', timestamp, selectedCandidatePairId: 'P' },
  { id: 'L', type: 'local-candidate', timestamp, protocol: 'udp' },
  { id: 'C', type: 'codec', timestamp, mimeType: 'video/H264' },
];

describe('the figures of what is sent', () => {
  it('are made of two readings, the best layer first', () => {
    expect(readOutbound(reading(2_000, 2), reading(1_000, 1))).toEqual({
      layers: [
        { rid: '720p', active: true, width: 1280, height: 720, frameRate: 20, bitrate: 2_000_000, limitation: 'cpu' },
        { rid: '180p', active: true, width: 320, height: 180, frameRate: 30, bitrate: 160_000, limitation: 'none' },
      ],
      audioBitrate: 64_000,
      bitrate: 2_400_000,
      roundTrip: 40,
      loss: 0.02,
      estimate: 3_000_000,
      codec: 'H264',
      encoder: 'OpenH264',
      transport: 'udp',
    });
  });

  it('have no rates at the first reading, and none that are negative after a counter began anew', () => {
    const first = readOutbound(reading(1_000, 5), []);
    expect([first.bitrate, first.layers[0]?.bitrate, first.layers[0]?.frameRate]).toEqual([0, 0, 0]);
    expect(readOutbound(reading(2_000, 1), reading(1_000, 5)).bitrate).toBe(0);
  });

  it('are read where a browser tells less (no transport, no estimate, no reason)', () => {
    const rows: StatsRow[] = [layer('only', 1_000, { bytesSent: 1, codecId: undefined }), { id: 'R', type: 'remote-inbound-rtp', timestamp: 1_000, roundTripTime: 0.08 }, pair(1_000, { localCandidateId: undefined })];
    expect(readOutbound(rows, [])).toMatchObject({ roundTrip: 80, loss: undefined, estimate: undefined, codec: undefined, transport: undefined, layers: [{ rid: undefined, limitation: 'none', width: 0 }] });
    expect(readOutbound([], [])).toMatchObject({ layers: [], bitrate: 0, roundTrip: undefined });
  });

  it('tell by a rising number that the server is heard', () => {
    const quiet = heardFrom([pair(1, { bytesReceived: 100, responsesReceived: 3 })]);
    expect(heardFrom([pair(2, { bytesReceived: 100, responsesReceived: 4 })])).toBeGreaterThan(quiet);
    expect(heardFrom([pair(2, { bytesReceived: 160, responsesReceived: 3 })])).toBeGreaterThan(quiet);
    expect(heardFrom([])).toBe(0);
  });
});
