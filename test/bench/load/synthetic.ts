import type { Bus } from '#core/bus/bus.ts';
import { broadcastId, type Frame } from '#core/media/frame.ts';
import { partTarget } from '#core/media/parts.ts';
import { millis, ticks, timescale, VIDEO_TIMESCALE, wallTime } from '#core/media/time.ts';
import { configIdOf, trackName, type AudioConfig, type TrackConfig, type VideoConfig } from '#core/media/track.ts';

/** The stream that {@link startSyntheticBroadcast} publishes. */
export const SYNTHETIC_STREAM = 'load';

const video: VideoConfig = {
  kind: 'video',
  codec: 'h264',
  codecString: 'avc1.64001e',
  // A real avcC of 640x360, High at level 3.0.
  description: Uint8Array.from(Buffer.from('0164001effe1001667 64001eacd940a02ff97016a02020280000030008000003019078b16cb001000568ebe3cb22fdf8f800'.replaceAll(' ', ''), 'hex')),
  width: 640,
  height: 360,
  timescale: VIDEO_TIMESCALE,
  frameDuration: 3000,
  reordered: false,
};
const audio: AudioConfig = {
  kind: 'audio',
  codec: 'aac',
  codecString: 'mp4a.40.2',
  description: Uint8Array.of(0x11, 0x90),
  sampleRate: 48_000,
  channels: 2,
  timescale: timescale(48_000),
  frameDuration: 1024,
};

/** Bytes of a frame: six make a video part of 17.5 KB, nine an audio part of 3.2 KB. */
const FRAME_BYTES = { video: 2917, audio: 356 };

/**
 * Publishes frames of the right sizes at the right instants, each with the monotonic clock of its writing in its last
 * eight bytes, so that whoever receives a part can tell its age: parts end with their last frame.
 */
export function startSyntheticBroadcast(bus: Bus): () => void {
  const broadcast = broadcastId('loadbroadcast');
  const startedAt = wallTime(Date.now());
  const firstGroup = Math.floor(startedAt / 1000);
  bus.announce({ stream: SYNTHETIC_STREAM, broadcast, epoch: 0, state: 'live', startedAt });
  bus.putCatalog(broadcast, 'ladder', {
    stream: SYNTHETIC_STREAM,
    broadcast,
    epoch: 0,
    fence: 1,
    revision: 1,
    partTarget: partTarget([video, audio]),
    omitted: [],
    renditions: [
      { track: trackName('video'), label: '360p', faces: ['hls'], mode: 'passthrough', reason: 'synthetic', config: video, frameRate: 30, bandwidth: 800_000, averageBandwidth: 700_000 },
      { track: trackName('audio'), label: 'Audio', faces: ['hls'], mode: 'passthrough', reason: 'synthetic', config: audio, bandwidth: 140_000, averageBandwidth: 130_000 },
    ],
  });
  const writers = ([video, audio] satisfies TrackConfig[]).map((config) => {
    const track = trackName(config.kind);
    const producer = bus.produce(broadcast, track, { fence: 1 });
    const bytes = FRAME_BYTES[config.kind];
    let next = 0;
    let group = -1;
    let index = 0;
    return (seconds: number): void => {
      for (; (next * config.frameDuration) / config.timescale <= seconds; next += 1) {
        const pts = ticks(next * config.frameDuration);
        const second = Math.floor(pts / config.timescale);
        index = second === group ? index + 1 : 0;
        group = second;
        const head = index > 0 ? {} : { head: { config, wallTime: wallTime(startedAt + ticksAsMillis(pts, config)) } };
        const frame: Frame = {
          broadcast, epoch: 0, fence: 1, track, group: firstGroup + second, index, pts, dts: pts,
          duration: ticks(config.frameDuration), key: config.kind === 'audio' || index === 0, config: configIdOf(config), data: payload(config.kind, bytes, index === 0), ...head,
        };
        producer.write(frame);
      }
    };
  });
  const began = performance.now();
  const timer = setInterval(() => {
    const seconds = (performance.now() - began) / 1000;
    writers.forEach((write) => write(seconds));
  }, 5);
  return () => clearInterval(timer);
}

function ticksAsMillis(pts: number, config: TrackConfig): number {
  return millis((pts * 1000) / config.timescale);
}

function payload(kind: 'video' | 'audio', bytes: number, key: boolean): Uint8Array {
  const data = Buffer.alloc(bytes, 0x5a);
  if (kind === 'video') {
    data.writeUInt32BE(bytes - 4, 0);
    data[4] = key ? 0x65 : 0x41;
  }
  data.writeBigUInt64BE(process.hrtime.bigint(), bytes - 8);
  return data;
}
