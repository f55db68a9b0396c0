import { broadcastId, type BroadcastId, type Frame } from '../../media/frame.ts';
import { ticks, VIDEO_TIMESCALE, wallTime } from '../../media/time.ts';
import { configIdOf, trackName, type TrackName, type VideoConfig } from '../../media/track.ts';

/** Names used by the tests of the bus. */
export const testBroadcast: BroadcastId = broadcastId('testbroadcast');
/** The track that {@link testFrame} writes to. */
export const testTrack: TrackName = trackName('video');

const config: VideoConfig = {
  kind: 'video',
  codec: 'h264',
  codecString: 'avc1.42c01e',
  description: new Uint8Array([1, 0x42, 0xc0, 0x1e]),
  width: 320,
  height: 180,
  timescale: VIDEO_TIMESCALE,
  frameDuration: 45_000,
  reordered: false,
};

/** A frame of a track with two frames a second and groups of two frames. */
export function testFrame(group: number, index: number, more: { readonly fence?: number; readonly epoch?: number; readonly bytes?: number; readonly events?: Frame['events'] } = {}): Frame {
  const pts = ticks(group * 90_000 + index * 45_000);
  return {
    broadcast: testBroadcast,
    epoch: more.epoch ?? 0,
    fence: more.fence ?? 1,
    track: testTrack,
    group,
    index,
    pts,
    dts: pts,
    duration: ticks(45_000),
    key: index === 0,
    config: configIdOf(config),
    data: new Uint8Array(more.bytes ?? 10),
    ...(index === 0 ? { head: { config, wallTime: wallTime(1_000_000 + group * 1000) } } : {}),
    ...(more.events === undefined ? {} : { events: more.events }),
  };
}

/** `group.index` of a frame. */
export function placeOf(frame: Frame | undefined): string | undefined {
  return frame === undefined ? undefined : `${frame.group}.${frame.index}`;
}
