import { describe, expect, it } from 'vitest';
import { millis } from '#core/media/time.ts';
import { networkFigures, pictureIntervals, readSample } from './rtc-sample.ts';
import { readLayers } from './layer-channel.ts';

/** A report as Chromium gives it, cut down. */
const report = (over: Record<string, unknown> = {}): unknown[] => [
  { type: 'transport', id: 'T', selectedCandidatePairId: 'P2' },
  { type: 'candidate-pair', id: 'P1', currentRoundTripTime: 0.9 },
  { type: 'candidate-pair', id: 'P2', currentRoundTripTime: 0.042, localCandidateId: 'L', responsesReceived: 7 },
  { type: 'local-candidate', id: 'L', protocol: 'tcp' },
  { type: 'inbound-rtp', id: 'A', kind: 'audio', packetsReceived: 50, packetsLost: 0, bytesReceived: 4_000, headerBytesReceived: 600, jitter: 0.002 },
  { type: 'inbound-rtp', id: 'V', kind: 'video', packetsReceived: 100, packetsLost: 2, bytesReceived: 100_000, headerBytesReceived: 2_000, nackCount: 4, freezeCount: 1, framesDecoded: 30, totalInterFrameDelay: 1, totalSquaredInterFrameDelay: 0.04, jitterBufferDelay: 1.5, jitterBufferEmittedCount: 30, jitter: 0.011, estimatedPlayoutTimestamp: 4_002_000_000_000, ...over },
];

describe('a sample of the statistics', () => {
  it('counts sound and picture together, and takes the buffer from the picture', () => {
    expect(readSample(report(), 1_000)).toEqual({
      at: 1_000,
      packets: 150,
      lost: 2,
      bytes: 106_600,
      nacks: 4,
      freezes: 1,
      decoded: 30,
      interFrameDelay: 1,
      squaredInterFrameDelay: 0.04,
      jitterBufferDelay: 1.5,
      jitterBufferEmitted: 30,
      soundBuffer: undefined,
      jitter: 11,
      roundTrip: 42,
      transport: 'tcp',
      // From 1900 to 1970.
      playoutAt: 4_002_000_000_000 - 2_208_988_800_000,
    });
  });

  it('knows nothing of an empty report, and of nonsense', () => {
    expect(readSample([undefined, null, 3, {}], 0)).toMatchObject({ packets: 0, roundTrip: undefined, transport: undefined, playoutAt: undefined, jitter: undefined });
  });

  it('takes the time from 1970 where a browser counts so', () => {
    expect(readSample(report({ estimatedPlayoutTimestamp: 1_793_000_000_000 }), 0).playoutAt).toBe(1_793_000_000_000);
  });
});

describe('the figures between two samples', () => {
  const extra = { target: millis(20), estimate: 3_000_000 };

  it('are those of the time between them', () => {
    const before = readSample(report(), 1_000);
    const now = readSample(report({ packetsReceived: 190, packetsLost: 12, bytesReceived: 225_000, jitterBufferDelay: 3, jitterBufferEmittedCount: 60 }), 2_000);
    expect(networkFigures(before, now, extra)).toMatchObject({ loss: 0.1, jitterBuffer: 50, received: 1_000_000, roundTrip: 42, estimate: 3_000_000, jitterBufferTarget: 20, transport: 'tcp' });
  });

  it('tell how evenly pictures come', () => {
    const before = readSample(report(), 0);
    // Ten pictures: nine 30 ms after the one before, one 130 ms.
    const now = readSample(report({ framesDecoded: 40, totalInterFrameDelay: 1 + 0.4, totalSquaredInterFrameDelay: 0.04 + 9 * 0.03 ** 2 + 0.13 ** 2 }), 1_000);
    expect(pictureIntervals(before, now).interval).toBeCloseTo(40);
    expect(pictureIntervals(before, now).unevenness).toBeCloseTo(30);
    expect(pictureIntervals(undefined, now)).toEqual({ interval: undefined, unevenness: undefined });
  });

  it('are unknown before there are two', () => {
    expect(networkFigures(undefined, readSample(report(), 0), extra)).toMatchObject({ loss: undefined, received: undefined });
  });

  it('take losses back that arrived late', () => {
    const before = readSample(report({ packetsLost: 5 }), 0);
    expect(networkFigures(before, readSample(report({ packetsLost: 1, packetsReceived: 120 }), 1_000), extra).loss).toBe(0);
  });
});

describe('the event of layers', () => {
  it('tells the renditions, the lowest first', () => {
    const data = {
      '1': [
        { rid: 'video', encodingId: 'video', label: '720p', width: 1280, height: 720, frameRate: 30, bitrate: 3_000_000, targetBitrate: 3_300_000, current: true, selected: false },
        { rid: 'v360', label: '360p', width: 640, height: 360, bitrate: 0, targetBitrate: 0, current: false },
      ],
    };
    expect(readLayers(data)).toEqual([
      { encodingId: 'v360', label: '360p', width: 640, height: 360, bitrate: 0, current: false },
      { encodingId: 'video', label: '720p', width: 1280, height: 720, bitrate: 3_300_000, current: true },
    ]);
  });

  it.each([undefined, null, 'x', [], { '1': 3 }, { '1': [null, {}, { encodingId: 1, height: 2 }] }])('may be nonsense: %j', (data) => {
    expect(readLayers(data)).toEqual([]);
  });
});
