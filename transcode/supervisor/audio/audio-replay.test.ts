import { describe, expect, test } from 'vitest';

import { ticks } from '#core/media/time.ts';
import { audioRenditions, type AudioEncode } from '../../plan/audio.ts';
import { audioTrack, sourceFrame } from '../../testing/sources.ts';
import { planAudioReplay } from './audio-replay.ts';

const encode = audioRenditions([audioTrack()], { opus: true, passAnything: false }).encode as AudioEncode;
const history = Array.from({ length: 100 }, (_, n) => sourceFrame({ pts: 100_000 + n * 1024, group: 50, index: n, duration: 1024 }, audioTrack()));

describe('a new encoder of sound', () => {
  test('begins on a whole multiple of its frames at or after the first sound there is', () => {
    const replay = planAudioReplay(history, encode);
    expect(replay?.first).toBe(105 * 960);
    expect(replay?.frames[0]).toBe(history[0]);
  });

  test('goes on where the one before ended, four frames early to settle, fed from the frames that those need', () => {
    const replay = planAudioReplay(history, encode, ticks(150 * 960));
    expect(replay?.first).toBe(146 * 960);
    // Sample 140,160 lies in frame 39; AAC needs those before it.
    expect(replay?.frames[0]).toBe(history[37]);
    expect(replay?.frames.at(-1)).toBe(history[99]);
  });

  test('begins anew where what is missing is not at hand any more', () => {
    expect(planAudioReplay(history, encode, ticks(96_000))?.first).toBe(105 * 960);
  });

  test('waits where there is no sound', () => {
    expect(planAudioReplay([], encode)).toBeUndefined();
  });
});
