import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { onTestFinished } from 'vitest';

import type { BroadcastInfo } from '#core/bus/catalog.ts';
import { broadcastId, type BroadcastId, type Frame } from '#core/media/frame.ts';
import { later, millis, ticks, VIDEO_TIMESCALE, wallTime } from '#core/media/time.ts';
import { trackName, type VideoConfig } from '#core/media/track.ts';

import { MemoryArchive, type MemoryBroadcast } from '../../archive/testing/memory-archive.ts';
import { videoConfig, videoFrame } from '../../cmaf/testing/frames.ts';

/** The broadcast of the tests. */
export const KEPT: BroadcastId = broadcastId('testtest1');

/** When group 0 was on air. */
export const STARTED = wallTime(Date.UTC(2026, 0, 1));

/** Announcement of that broadcast. */
export const INFO: BroadcastInfo = { stream: 'demo', broadcast: KEPT, epoch: 0, state: 'live', startedAt: STARTED };

const FRAMES = 5;

/** Five frames a second, each second a group, groups `from` to `to` of a track; `offset` is how many seconds later than its number a group is on air. */
export function seconds(from: number, to: number, given: { readonly track?: string; readonly epoch?: number; readonly config?: VideoConfig; readonly offset?: number } = {}): Frame[] {
  const { track = 'v360', epoch = 0, config = videoConfig, offset = 0 } = given;
  return Array.from({ length: FRAMES * (to - from + 1) }, (_, count) => {
    const [group, index] = [from + Math.floor(count / FRAMES), count % FRAMES];
    const pts = ticks((group + offset + index / FRAMES) * VIDEO_TIMESCALE);
    const head = index > 0 ? {} : { head: { config, wallTime: later(STARTED, millis((group + offset) * 1000)) } };
    return videoFrame({ group, index, track: trackName(track), epoch, fence: epoch, pts, dts: pts, duration: ticks(VIDEO_TIMESCALE / FRAMES), trackConfig: config, ...head }, 0);
  });
}

/** An archive in memory that keeps one broadcast, with a folder for its pictures that goes with the test. */
export function kept(frames: readonly Frame[]): { readonly archive: MemoryArchive; readonly broadcast: MemoryBroadcast; readonly folder: string } {
  const archive = new MemoryArchive();
  const broadcast = archive.keep(INFO);
  broadcast.package(frames);
  const folder = mkdtempSync(join(tmpdir(), 'millrace-pictures-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return { archive, broadcast: Object.assign(broadcast, { folder }), folder };
}
