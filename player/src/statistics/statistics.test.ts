import { describe, expect, it } from 'vitest';
import type { Snapshot } from '../session/snapshot.ts';
import { History, historyLength, sampleOf } from './history.ts';
import { axisText, figureText, plotsFor, plotText } from './plot-list.ts';

const snapshot = (over: Partial<Snapshot> = {}): Snapshot => ({
  state: 'playing',
  engine: 'webrtc',
  ways: [],
  edge: null,
  network: { roundTrip: 0.042, loss: 0.05, jitterBuffer: 0.02, jitterBufferTarget: 0.03, estimate: 3_000_000, received: 2_400_000, nacks: 1, freezes: 0, transport: 'udp' },
  latency: 0.18,
  targetLatency: null,
  buffer: 0,
  rate: 1,
  level: 0,
  loadingLevel: 0,
  choice: 'auto',
  levels: [{ label: '720p', width: 1280, height: 720, bitrate: 3_000_000 }],
  throughput: 3_000_000,
  stalls: 1,
  stalledTime: 0.5,
  droppedFrames: 0,
  totalFrames: 100,
  joinTime: 300,
  switches: [],
  clockError: 0.002,
  paused: false,
  muted: false,
  following: true,
  rewind: null,
  recording: null,
  ...over,
});
const sample = (at: number) => sampleOf(snapshot(), at * 1_000);

describe('a sample', () => {
  it('of WebRTC has what WebRTC knows', () => {
    const read = sampleOf(snapshot(), 5_000);
    expect(read).toMatchObject({ at: 5, latency: 180, targetLatency: null, buffer: null, jitterBuffer: 20, jitterBufferTarget: 30, roundTrip: 42, loss: 5, rung: 720, stalls: 1 });
    expect([read.estimate, read.received]).toEqual([3, 2.4]);
  });

  it('of LL-HLS has what LL-HLS knows', () => {
    const read = sampleOf(snapshot({ engine: 'hls', network: null, latency: 0.6, targetLatency: 0.5, buffer: 0.4, throughput: 8_000_000, level: -1 }), 0);
    expect(read).toMatchObject({ latency: 600, targetLatency: 500, buffer: 400, estimate: 8, received: null, roundTrip: null, loss: null, jitterBuffer: null, rung: null });
  });
});

describe('the history', () => {
  it('keeps two minutes', () => {
    const history = new History();
    for (let at = 0; at < 300; at += 1) {
      history.add(sample(at));
    }
    expect(history.samples).toHaveLength(historyLength + 1);
    expect([history.samples[0]?.at, history.samples.at(-1)?.at]).toEqual([299 - historyLength, 299]);
  });

  it('forgets what is older although seconds are missing, and is bounded although they come in a burst', () => {
    const history = new History();
    history.add(sample(0));
    history.add(sample(119));
    history.add(sample(121));
    expect(history.samples.map(({ at }) => at)).toEqual([119, 121]);
    for (let i = 0; i < 1_000; i += 1) {
      history.add(sample(122));
    }
    expect(history.samples).toHaveLength(historyLength + 1);
  });
});

describe('the plots', () => {
  it('are those of the way', () => {
    expect(plotsFor('webrtc').map(({ title }) => title)).toEqual(['Latency', 'Round trip', 'Loss', 'Jitter buffer', 'Bandwidth', 'Rendition']);
    expect(plotsFor('hls').map(({ title }) => title)).toEqual(['Latency', 'Buffer', 'Throughput', 'Rendition', 'Stalls']);
    expect(plotsFor(null)).toEqual(plotsFor('hls'));
  });

  it.each([
    [null, 'ms', '–'],
    [41.6, 'ms', '42 ms'],
    [0, '%', '0 %'],
    [0.54, '%', '0.5 %'],
    [31.2, '%', '31 %'],
    [2.411, 'Mbit/s', '2.41 Mbit/s'],
    [720, 'p', '720p'],
    [3, '', '3'],
  ] as const)('%s %s is written %s', (value, unit, text) => {
    expect(figureText(value, unit)).toBe(text);
  });

  it('have short axes', () => {
    expect([axisText(50, 'ms'), axisText(0.5, '%'), axisText(2.5, 'Mbit/s'), axisText(720, 'p'), axisText(0.30000000000000004, '')]).toEqual(['50 ms', '0.5 %', '2.5', '720p', '0.3']);
    expect(figureText(2.4, 'Mbit/s', false)).toBe('2.40');
  });

  it('can be read aloud', () => {
    const [latency] = plotsFor('webrtc');
    expect(latency && plotText(latency, [])).toBe('Latency: not known yet');
    expect(latency && plotText(latency, [{ ...sample(1), latency: 90 }, { ...sample(2), latency: null }, sample(3)])).toBe(
      'Latency in the last two minutes: now 180 ms, from 90 ms to 180 ms',
    );
  });
});
