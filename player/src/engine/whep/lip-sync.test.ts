import { describe, expect, it } from 'vitest';

import { millis } from '#core/media/time.ts';

import { LipSync, type LipTargets } from './lip-sync.ts';

/** Looks at the same state so many times. */
function look(sync: LipSync, late: number | undefined, times: number, kept = { video: 10, audio: 60 }): LipTargets {
  let targets: LipTargets = { video: millis(0), audio: millis(0) };
  for (let n = 0; n < times; n += 1) {
    targets = sync.step({ late: late === undefined ? undefined : millis(late), video: millis(kept.video), audio: millis(kept.audio) });
  }
  return targets;
}

describe('lip sync', () => {
  it('leaves both alone while nobody would notice', () => {
    for (const late of [-30, 0, 45]) {
      expect(look(new LipSync(), late, 20)).toEqual({ video: 0, audio: 0 });
    }
  });

  it('keeps the picture back for sound that is too late', () => {
    const { video, audio } = look(new LipSync(), 200, 20);
    expect(video).toBeGreaterThan(0);
    expect(audio).toBe(0);
  });

  it('keeps sound back that is ahead of the picture', () => {
    const { video, audio } = look(new LipSync(), -150, 20);
    expect(audio).toBeGreaterThan(0);
    expect(video).toBe(0);
  });

  it('does nothing for what single looks say', () => {
    const sync = new LipSync();
    look(sync, 0, 10);
    expect(look(sync, 300, 1)).toEqual({ video: 0, audio: 0 });
  });

  it('waits where nothing is known, and begins anew with another session', () => {
    const sync = new LipSync();
    expect(look(sync, undefined, 10)).toEqual({ video: 0, audio: 0 });
    look(sync, 300, 20);
    sync.renew();
    expect(look(sync, 0, 1)).toEqual({ video: 0, audio: 0 });
  });
});
