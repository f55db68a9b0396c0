import type { Bus, TrackProducer } from '#core/bus/bus.ts';
import type { BroadcastInfo } from '#core/bus/catalog.ts';
import { broadcastId, type Frame } from '#core/media/frame.ts';
import { millis, ticks, VIDEO_TIMESCALE, wallTime } from '#core/media/time.ts';
import { configIdOf, trackName, type TrackName, type VideoConfig } from '#core/media/track.ts';

/** A picture whose decoder configuration is a real one (640x360, High, level 3.0). */
const config: VideoConfig = {
  kind: 'video',
  codec: 'h264',
  codecString: 'avc1.64001e',
  description: Uint8Array.from(Buffer.from('0164001effe100166764001eacd940a02ff97016a02020280000030008000003019078b16cb001000568ebe3cb22fdf8f800', 'hex')),
  width: 640,
  height: 360,
  timescale: VIDEO_TIMESCALE,
  frameDuration: 3000,
  reordered: false,
};

/** Id of the init segment. */
export const CONFIG_ID = configIdOf(config);

/** Path of the broadcast's first track. */
export const TRACK_PATH = '/live/demo/testbroadcast/video';

/** Publishes a broadcast of one picture track (or of several alike) on a bus, frame by frame as the test wants: groups of 30 frames, parts of 6. */
export class TestStream {
  readonly #bus: Bus;
  #producers: ReadonlyMap<TrackName, TrackProducer>;
  #fence = 1;
  readonly #info: BroadcastInfo;
  readonly #frameBytes: number;
  #group: number;
  #index = 0;
  #frames = 0;

  constructor(bus: Bus, { group = 100, frameBytes = 100, tracks = ['video'] } = {}) {
    const broadcast = broadcastId('testbroadcast');
    this.#bus = bus;
    this.#group = group;
    this.#frameBytes = frameBytes;
    this.#info = { stream: 'demo', broadcast, epoch: 0, state: 'live', startedAt: wallTime(Date.UTC(2026, 0, 1)) };
    bus.announce(this.#info);
    bus.putCatalog(broadcast, 'ladder', {
      stream: 'demo', broadcast, epoch: 0, fence: 1, revision: 1, partTarget: millis(200), omitted: [],
      renditions: tracks.map((track) => ({ track: trackName(track), label: '360p', faces: ['hls'], mode: 'passthrough', reason: '', config, frameRate: 30, bandwidth: 700_000, averageBandwidth: 600_000 })),
    });
    this.#producers = new Map(tracks.map((track) => [trackName(track), bus.produce(broadcast, trackName(track), { fence: 1 })]));
  }

  /** Writes so many frames. */
  frames(count: number): void {
    for (let i = 0; i < count; i++) {
      const frame = this.#next();
      this.#producers.forEach((producer, track) => producer.write({ ...frame, track, fence: this.#fence }));
    }
  }

  /** Writes so many parts. */
  parts(count: number): void {
    this.frames(6 * count);
  }

  /** Loses the next frame, and with it the rest of its group. */
  skip(): void {
    this.#next();
  }

  /** The writer dies in the middle of a group; another one goes on with the next group, under a higher fence. */
  overtake(): void {
    this.#fence++;
    this.#producers = new Map([...this.#producers.keys()].map((track) => [track, this.#bus.produce(this.#info.broadcast, track, { fence: this.#fence })]));
    while (this.#index > 0) {
      this.#next();
    }
  }

  /** The publisher is over. */
  end(): void {
    this.#bus.announce({ ...this.#info, state: 'ended' });
  }

  #next(): Frame {
    const pts = ticks(this.#frames * 3000);
    const data = Buffer.alloc(this.#frameBytes, 0x5a);
    data.writeUInt32BE(this.#frameBytes - 4, 0);
    data[4] = this.#index === 0 ? 0x65 : 0x41;
    const head = this.#index === 0 ? { head: { config, wallTime: wallTime(this.#info.startedAt + this.#frames * 33.333) } } : {};
    const frame: Frame = {
      broadcast: this.#info.broadcast, epoch: 0, fence: 1, track: trackName('video'), group: this.#group, index: this.#index,
      pts, dts: pts, duration: ticks(3000), key: this.#index === 0, config: CONFIG_ID, data, ...head,
    };
    this.#frames++;
    this.#index = (this.#index + 1) % 30;
    this.#group += this.#index === 0 ? 1 : 0;
    return frame;
  }
}
