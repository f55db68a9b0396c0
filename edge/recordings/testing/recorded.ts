import type { LadderCatalog, Rendition } from '#core/bus/catalog.ts';
import { broadcastId, type BroadcastId, type Frame } from '#core/media/frame.ts';
import { millis, ticks, wallTime, type Ticks } from '#core/media/time.ts';
import { trackName } from '#core/media/track.ts';
import { loadVector, type VectorName } from '#test/vectors/load.ts';

import { MemoryArchive, type MemoryBroadcast } from '../../archive/testing/memory-archive.ts';

/** The recording of the tests. */
export const RECORDING: BroadcastId = broadcastId('recording1');

/** When it began. */
export const STARTED = wallTime(Date.UTC(2026, 10, 22, 14, 30, 5));

/** A recorded broadcast's frames as an epoch of another: so many seconds and groups later. */
export function epochOf(vector: VectorName, epoch: number, { seconds = 0, groups = 0 } = {}): Frame[] {
  const rates = new Map(loadVector(vector).flatMap(({ track, head }) => (head === undefined ? [] : [[track, head.config.timescale]])));
  return loadVector(vector).map((frame) => {
    const shift = seconds * (rates.get(frame.track) ?? Number.NaN);
    const head = frame.head === undefined ? {} : { head: { ...frame.head, wallTime: wallTime(frame.head.wallTime + seconds * 1000) } };
    return { ...frame, ...head, broadcast: RECORDING, epoch, fence: epoch, group: frame.group + groups, pts: ticks(frame.pts + shift), dts: ticks(frame.dts + shift) as Ticks };
  });
}

/** The newest ladder: what the tracks of the frames are, in their order. */
export function ladderOf(frames: readonly Frame[]): LadderCatalog {
  const configs = new Map(frames.flatMap(({ track, head }) => (head === undefined ? [] : [[track, head.config] as const])));
  const renditions = [...configs].map(([track, config]): Rendition => ({
    track, label: config.kind === 'video' ? `${config.height}p` : 'Audio', faces: ['hls'], mode: 'passthrough', reason: '', config, bandwidth: 500_000, averageBandwidth: 300_000,
    ...(config.kind === 'video' ? { frameRate: 30 } : {}),
  }));
  const kinds = { video: 0, audio: 1 };
  renditions.sort((a, b) => kinds[a.config.kind] - kinds[b.config.kind] || (a.track < b.track ? 1 : -1));
  return { stream: 'demo', broadcast: RECORDING, epoch: 0, fence: 1, revision: 1, partTarget: millis(200), renditions, omitted: [] };
}

/** An archive with one recording, made of frames. */
export async function recorded(frames: readonly Frame[], { open = false } = {}): Promise<{ readonly archive: MemoryArchive; readonly broadcast: MemoryBroadcast }> {
  const archive = new MemoryArchive();
  const broadcast = archive.keep({ stream: 'demo', broadcast: RECORDING, epoch: 0, state: 'live', startedAt: STARTED });
  broadcast.ladder = ladderOf(frames);
  broadcast.package(frames);
  if (!open) {
    await broadcast.end();
  }
  return { archive, broadcast };
}

/** The name of the track with the picture. */
export const VIDEO = trackName('video');

/** The name of the track with the sound. */
export const AUDIO = trackName('audio');
