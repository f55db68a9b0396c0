import { describe, expect, it } from 'vitest';

import { wallTime } from '#core/media/time.ts';

import { audioConfig, START, videoConfig } from './testing/encoder.ts';
import { expectOrdered } from './testing/expect.ts';
import { random } from './testing/random.ts';
import { Recorder } from './testing/recorder.ts';

describe('a source that sends garbage', () => {
  it.each(Array.from({ length: 30 }, (_, seed) => seed))('gets frames in order all the same, and nothing throws: seed %s', (seed) => {
    const next = random(seed);
    const pick = <T>(...choices: readonly [T, ...T[]]): T => choices[Math.floor(next() * choices.length)] ?? choices[0];
    const recorder = new Recorder();
    let now = START;
    let clock = next() * 2 ** 32;
    for (let n = 0; n < 3000; n += 1) {
      now += pick(0, 1, 10, 20, 33, 40, next() < 0.01 ? 5000 : 15);
      clock = next() < 0.01 ? next() * 2 ** 32 : clock + pick(0, 10, 33, 40, -20, next() < 0.02 ? 3000 : 20);
      if (next() < 0.005) {
        recorder.timeline.config(next() < 0.5 ? { ...videoConfig, width: pick(640, 1280) } : audioConfig(pick(44_100, 48_000)));
      }
      if (next() < 0.005) {
        recorder.timeline.metadata({ hasAudio: next() < 0.5, hasVideo: next() < 0.5, frameRate: pick(0, -1, NaN, 30, 1e9) });
      }
      const kind = pick<'video' | 'audio'>('video', 'audio');
      recorder.feed(
        [
          {
            kind,
            timestamp: Math.floor(clock) >>> 0,
            compositionOffset: kind === 'audio' ? 0 : pick(0, 33, 66, -1, 16_777_215, 40_000, NaN),
            key: kind === 'audio' || next() < 0.03,
            data: new Uint8Array(Math.floor(next() * 50)),
            arrival: wallTime(now),
          },
        ],
        { configs: n === 0 ? [videoConfig, audioConfig()] : [] },
      );
    }
    recorder.timeline.end();
    expectOrdered(recorder.frames);
    expect(recorder.warnings.list(recorder.now).length).toBeLessThanOrEqual(32);
    const first = recorder.frames[0]?.dts ?? 0;
    const newest = Math.max(...recorder.of('video').map((frame) => frame.dts));
    // Whatever the timestamps say, the timeline follows the wall clock.
    expect((newest - first) / 90).toBeLessThan((now - START) * 1.5 + 5000);
  });
});
