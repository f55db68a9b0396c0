import { describe, expect, it } from 'vitest';
import { firstSequence, fromSequence } from './playlist-floor.ts';

const head = (sequence: number, discontinuity = 0) => ['#EXTM3U', '#EXT-X-TARGETDURATION:2', `#EXT-X-MEDIA-SEQUENCE:${sequence}`, `#EXT-X-DISCONTINUITY-SEQUENCE:${discontinuity}`];
const segment = (number: number) => [`#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:${number}Z`, `#EXT-X-PART:DURATION=0.2,URI="${number}.0.m4s"`, '#EXTINF:1,', `${number}.m4s`];
const map = (name: string) => `#EXT-X-MAP:URI="${name}.mp4"`;
const hint = '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="13.0.m4s"';
const text = (...lines: readonly (string | readonly string[])[]) => lines.flat().join('\n');

describe('a playlist without what lies before a media sequence number', () => {
  it.each([
    ['that begins there', text(head(10), map('a'), segment(10), segment(11), hint), 10, text(head(10), map('a'), segment(10), segment(11), hint)],
    ['that begins later', text(head(12), map('a'), segment(12), hint), 10, text(head(12), map('a'), segment(12), hint)],
    ['that begins before', text(head(10), map('a'), segment(10), segment(11), segment(12), hint), 12, text(head(12), map('a'), segment(12), hint)],
    [
      'with another init segment and a discontinuity among what goes',
      text(head(10, 3), map('a'), segment(10), '#EXT-X-DISCONTINUITY', map('b'), segment(11), segment(12)),
      12,
      text(head(12, 4), map('b'), segment(12)),
    ],
    ['with a discontinuity behind what goes', text(head(10), map('a'), segment(10), '#EXT-X-DISCONTINUITY', map('b'), segment(11)), 11, text(head(11), map('a'), '#EXT-X-DISCONTINUITY', map('b'), segment(11))],
    ['that skips more than goes', text(head(4), '#EXT-X-SKIP:SKIPPED-SEGMENTS=8', segment(12), hint), 10, text(head(10), '#EXT-X-SKIP:SKIPPED-SEGMENTS=2', segment(12), hint)],
    ['that skips just what goes', text(head(4), '#EXT-X-SKIP:SKIPPED-SEGMENTS=6', segment(10), hint), 10, text(head(10), segment(10), hint)],
    ['that skips less than goes', text(head(4), '#EXT-X-SKIP:SKIPPED-SEGMENTS=6', segment(10), segment(11), hint), 11, text(head(11), segment(11), hint)],
    ['that has less than that', text(head(10), map('a'), segment(10), hint), 15, text(head(11), hint)],
    ['that is none of segments', text('#EXTM3U', '#EXT-X-STREAM-INF:BANDWIDTH=1', 'v.m3u8'), 12, text('#EXTM3U', '#EXT-X-STREAM-INF:BANDWIDTH=1', 'v.m3u8')],
  ])('is that, of one %s', (_which, playlist, floor, trimmed) => {
    expect(fromSequence(playlist, floor)).toBe(trimmed);
  });

  it('knows its first number', () => {
    expect([firstSequence(text(head(7))), firstSequence('#EXTM3U')]).toEqual([7, undefined]);
  });
});
