import { describe, expect, it } from 'vitest';
import { behindText, bitrateText, bytesText, clockText, dateText, durationText, engineText, latencyText, notice, recordingNotice, serverText, spokenText, viewersText } from './words.ts';

describe('words for viewers', () => {
  const cases = [
    [latencyText(0.72), '0.7 s'],
    [latencyText(0.3), '0.3 s'],
    [latencyText(0.294), '290 ms'],
    [latencyText(0.038), '40 ms'],
    [latencyText(-0.1), '10 ms'],
    [latencyText(12.4), '12 s'],
    [bitrateText(2_628_000), '2.6 Mbit/s'],
    [bitrateText(350_000), '350 kbit/s'],
    [viewersText(1), '1 viewer'],
    [viewersText(0), '0 viewers'],
    [durationText(20), 'less than a minute'],
    [durationText(59 * 60), '59 min'],
    [durationText(130 * 60), '2 h 10 min'],
    [clockText(7.9), '0:07'],
    [clockText(754), '12:34'],
    [clockText(3_723), '1:02:03'],
    [clockText(-1), '0:00'],
    [behindText(0.72), '0.7 s'],
    [behindText(130), '2:10'],
    [spokenText(130), '2 minutes 10 seconds'],
    [spokenText(3_601), '1 hour 1 second'],
    [spokenText(60), '1 minute'],
    [spokenText(0.2), '0 seconds'],
    [bytesText(98_000_000), '98 MB'],
    [bytesText(1_250_000_000), '1.3 GB'],
    [bytesText(900), '0.9 kB'],
    [dateText('no date'), ''],
    [recordingNotice('unknown')?.title, 'This recording is not here'],
    [recordingNotice('ended')?.title, undefined],
    [recordingNotice('reconnecting')?.title, 'Reconnecting…'],
  ] as const;
  for (const [said, expected] of cases) {
    it(`say ${expected}`, () => {
      expect(said).toBe(expected);
    });
  }

  it.each([
    [{ engine: null, network: null, ways: [] }, '–'],
    [{ engine: 'webrtc', network: null, ways: [] }, 'WebRTC'],
    [{ engine: 'webrtc', network: { transport: 'tcp' }, ways: [{ at: 0, engine: 'webrtc', because: null }] }, 'WebRTC (TCP)'],
    [{ engine: 'hls', network: null, ways: [{ at: 0, engine: 'hls', because: null }] }, 'LL-HLS'],
    [{ engine: 'hls', network: null, ways: [{ at: 0, engine: 'webrtc', because: null }, { at: 9, engine: 'hls', because: 'full: HTTP 503' }] }, 'LL-HLS (no place left over WebRTC)'],
  ] as const)('name the way of %j', (state, text) => {
    expect(engineText(state as Parameters<typeof engineText>[0])).toBe(text);
  });

  it.each([
    [null, undefined],
    [{ url: 'https://a.test/', others: 0, moves: [] }, undefined],
    [{ url: 'https://a.test/', others: 2, moves: [] }, 'a.test'],
    [{ url: 'https://b.test:8443/tv/', others: 0, moves: [{ at: 1, edge: 'https://b.test:8443/tv/', because: 'lost' }] }, 'b.test:8443 (moved once)'],
    [{ url: 'https://a.test/', others: 1, moves: Array.from({ length: 2 }, () => ({ at: 1, edge: 'https://a.test/', because: 'lost' as const })) }, 'a.test (moved 2 times)'],
  ] as const)('name the server of %j', (edge, text) => {
    expect(serverText(edge)).toBe(text);
  });

  it('say nothing over a picture that moves, and what is the matter otherwise', () => {
    expect(notice('playing', 'cam')).toBeUndefined();
    expect(notice('offline', 'cam')?.title).toBe('cam is off air');
    expect(notice('reconnecting', 'cam')?.title).toBe('Reconnecting…');
    expect(notice('unsupported', 'cam', 'because')?.detail).toBe('because');
  });
});
