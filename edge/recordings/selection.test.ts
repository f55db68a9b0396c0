import { describe, expect, test } from 'vitest';

import { ticks, timescale } from '#core/media/time.ts';
import type { ConfigId } from '#core/media/track.ts';

import { audioConfig, videoConfig } from '../llhls/testing/feed.ts';
import { KeptBroadcast, KeptTrack } from '../rewind/testing/kept.ts';
import { selectForDownload } from './selection.ts';

const LARGE = 'aaaaaaaaaaaaaaaa' as ConfigId;
const SMALL = 'bbbbbbbbbbbbbbbb' as ConfigId;
const SOUND = 'cccccccccccccccc' as ConfigId;
const OPUS = 'dddddddddddddddd' as ConfigId;

function track(name: string, kind: 'video' | 'audio' = 'video'): KeptTrack {
  const kept = new KeptTrack(name, kind);
  kept.configs.set(LARGE, { ...videoConfig, width: 1920, height: 1080 }).set(SMALL, videoConfig).set(SOUND, audioConfig).set(OPUS, { ...audioConfig, codec: 'opus', codecString: 'opus' });
  return kept;
}

const sound = { timescale: timescale(48_000), config: SOUND, ticks: ticks(48_000) };

function chosen(...tracks: readonly KeptTrack[]): string[] {
  return selectForDownload(new KeptBroadcast(...tracks)).segments.map(({ track: { track: name }, segment: { group } }) => `${name} ${group}`);
}

describe('what goes into the download', () => {
  test('is the largest picture and the sound, by their time', () => {
    const tracks = [track('v360').groups(1, 2, { config: SMALL }), track('video').groups(1, 2, { config: LARGE }), track('audio', 'audio').groups(1, 2, sound)];
    expect(chosen(...tracks)).toEqual(['video 1', 'audio 1', 'video 2', 'audio 2']);
  });

  test('is in each epoch what it has', () => {
    const tracks = [track('v360').groups(1, 2, { config: SMALL }).groups(9, 9, { config: SMALL, epoch: 1 }), track('video').groups(1, 2, { config: LARGE })];
    expect(chosen(...tracks)).toEqual(['video 1', 'video 2', 'v360 9']);
  });

  test('is not a picture of which much is missing', () => {
    expect(chosen(track('video').groups(1, 8, { config: LARGE }), track('v360').groups(1, 10, { config: SMALL }))).toEqual(Array.from({ length: 10 }, (_, i) => `v360 ${i + 1}`));
  });

  test('is AAC where there is Opus too', () => {
    const opus = { ...sound, config: OPUS };
    expect(chosen(track('opus', 'audio').groups(1, 20, opus), track('audio', 'audio').groups(1, 19, sound))[0]).toBe('audio 1');
  });

  test('is of the codec of which there is most; how much was left out is told', () => {
    const kept = track('audio', 'audio').groups(1, 3, sound).groups(10, 29, { ...sound, config: OPUS, epoch: 1 });
    const { segments, leftOut } = selectForDownload(new KeptBroadcast(kept));
    expect(segments.map((one) => one.segment.group)).toEqual(Array.from({ length: 20 }, (_, i) => i + 10));
    expect(leftOut).toEqual({ video: 0, audio: 3 });
  });

  test('is nothing where the configuration was never known', () => {
    expect(chosen(new KeptTrack('video').groups(1, 2, { config: 'ffffffffffffffff' as ConfigId }))).toEqual([]);
  });
});
